"""
Characters, one after the other
===============================

A small LSTM reads a piece of Python's own documentation, letter by letter, and then writes on by itself. How bold it
is, the temperature decides.
"""

import numpy as np

from fnnet import generate, layers, losses, optim, plots, rng, training, zoo
from fnnet.runs.characters import VOCABULARY, decode, documentation, encode, windows
from fnnet.types import Discrete

ids = encode(documentation()[:100_000])
x, target = windows(ids, 60)
net = zoo.character_lstm(len(VOCABULARY), features=128, depth=1)
epochs, size = 6, 16
rate = optim.schedules.one_cycle(0.01, epochs * -(-len(x) // size))
optimizer = optim.chain(optim.clip_by_global_norm(1.0), optim.adam(rate))
step = training.make_step(net, losses.per_step(losses.softmax_cross_entropy), optimizer)
state = training.init(net, optimizer, rng.key(0), Discrete((60,)))
bits = []
for state, row in training.fit(step, state, (x, target), epochs, size=size):
    bits.append(row["loss"] / np.log(2))

figure = plots.curves({"while learning": bits}, x="epoch", y="bits a character")

# %%
# It writes: the scores of the next letter become probabilities, one is drawn, read, and so on.


def written(begin, letters, temperature):
    """The beginning, and what the net makes follow it."""
    so_far = encode(begin)[None]
    for i in range(letters):
        scores, _ = net.apply(state.params, so_far[:, -60:])
        key = rng.fold_in(rng.key(1), i)
        so_far = np.append(so_far, generate.draw_ids(scores[:, -1], key, temperature=temperature)[:, None], axis=1)
    return decode(so_far[0])


for temperature in (0.2, 0.6, 1.0):
    print(f"temperature {temperature}:", written("The ", 160, temperature), sep="\n", end="\n\n")

# %%
# What comes next, it thinks, after each letter of a word: the eight likeliest letters at every place.

word = "The statement"
scores, _ = net.apply(state.params, encode(word)[None])
sure, _ = layers.softmax().apply((), scores)
likely = np.argsort(-sure[0].max(axis=0))[:8]
names = [repr(VOCABULARY[i])[1:-1] for i in likely]
figure = plots.heatmap(sure[0][:, likely].T, names, word, x="letter read", y="next letter")
