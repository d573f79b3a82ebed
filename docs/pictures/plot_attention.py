"""
Attention that learnt to look back
==================================

A sequence goes in, and has to come out backwards. One layer of attention can do it: the net has to learn that place t
looks at place T - 1 - t. The table of its weights shows whether it did.
"""

import numpy as np

from fnnet import layers, losses, optim, plots, rng, training
from fnnet.types import Discrete

STEPS, KINDS, WIDTH = 10, 12, 32
ids = (rng.uniform(rng.key(0), (3000, STEPS)) * KINDS).astype(np.int64)
pairs = ids, np.ascontiguousarray(ids[:, ::-1])

net = layers.serial(
    layers.embedding(KINDS, WIDTH),
    layers.learned_positions(STEPS),
    layers.attention(1),
    layers.per_step(layers.dense(KINDS)),
)
epochs, size = 8, 32
optimizer = optim.adam(optim.schedules.one_cycle(0.01, epochs * -(-len(ids) // size)))
step = training.make_step(net, losses.per_step(losses.softmax_cross_entropy), optimizer)
state = training.init(net, optimizer, rng.key(1), Discrete((STEPS,)))
for state, row in training.fit(step, state, pairs, epochs, size=size):
    print(f"epoch {row['epoch']}: loss {row['loss']:.3f} a place")

# %%
# The weights of attention are softmax(q kᵀ / √d), with q and k as the layer's own params make them of what comes in.
# They are computed here by hand for some sequences, and the mean is drawn: a line from corner to corner.


def looks(params):
    """Where each place looks, in the mean over 200 sequences."""
    x, _ = net[:2].apply(params[:2], ids[:200])
    own = params.attention_0
    q, k = x @ own.query.weight + own.query.bias, x @ own.key.weight + own.key.bias
    weights, _ = layers.softmax().apply((), q @ k.swapaxes(1, 2) / np.sqrt(WIDTH))
    return weights.mean(axis=0)


figure = plots.heatmap(looks(state.params), x="looks at place", y="place", digits=2)

# %%
# As it began, before any step:

figure = plots.heatmap(looks(net.init(rng.key(1), Discrete((STEPS,)))), x="looks at place", y="place", digits=2)
