"""
The slope that a training comes down
====================================

The loss over a plane through the params: from where training began to where it ended, and to the side; and
the ways that two optimizers went on it.
"""

import numpy as np

from fnnet import data, layers, losses, optim, plots, rng, training, tree

digits = data.small_digits()
train = data.scale(digits.train.images), digits.train.labels
net = layers.serial(layers.flatten(), layers.dense(32), layers.tanh(), layers.dense(10))


def way(optimizer, epochs=8):
    """The params as one vector, at the beginning and after every epoch."""
    step = training.make_step(net, losses.softmax_cross_entropy, optimizer)
    state = training.init(net, optimizer, rng.key(0), (1, 8, 8))
    flat = [np.concatenate([leaf.ravel() for leaf in tree.leaves(state.params)])]
    for state, _ in training.fit(step, state, train, epochs, size=64):
        flat.append(np.concatenate([leaf.ravel() for leaf in tree.leaves(state.params)]))
    return np.stack(flat), state.params


# %%
# Two ways from one beginning span a plane: along is where SGD went, across is what of Adam's way is at right angles
# to it. Params are a tree; ``tree.map`` puts a point of the plane back into its shape.

(slow, like), (quick, _) = way(optim.sgd(0.3)), way(optim.adam(0.01))
along = slow[-1] - slow[0]
across = quick[-1] - slow[0]
across -= across @ along / (along @ along) * along
across *= np.linalg.norm(along) / np.linalg.norm(across)


def at(vector):
    """The tree of params whose leaves, one after the other, are this vector."""
    parts = iter(np.split(vector, np.cumsum([leaf.size for leaf in tree.leaves(like)])[:-1]))
    return tree.map(lambda leaf: next(parts).reshape(leaf.shape), like)


def loss(vector):
    """On a part of the training examples."""
    scores, _ = net.apply(at(vector), train[0][:300])
    return losses.softmax_cross_entropy(scores, train[1][:300])[0]


places = np.linspace(-0.5, 2.0, 26, dtype=np.float32)
table = [[loss(slow[0] + a * along + b * across) for a in places] for b in places[::-1]]
names = [f"{place:g}" if i % 5 == 0 else "" for i, place in enumerate(places)]
figure = plots.heatmap(
    np.log(table), names[::-1], names, x="along", y="across", title="log of the loss: lighter is lower"
)

# %%
# The two ways on it, epoch by epoch: how far along, and how far across.

shares = {"SGD": slow - slow[0], "Adam": quick - slow[0]}
figure = plots.curves(
    {
        f"{name}, {word}": path @ unit / (unit @ unit)
        for name, path in shares.items()
        for word, unit in (("along", along), ("across", across))
    },
    at=range(len(slow)),
    x="epoch",
)
