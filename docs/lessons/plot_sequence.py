"""
A sequence, read step by step
=============================

An LSTM reads a digit as we read a page: row by row, from top to bottom. What it holds after each row is all it knows.
So one can ask it after every row what it believes.
"""

import os

import numpy as np

from fnnet import data, layers, losses, metrics, optim, plots, rng, training

digits = data.mnist() if "FNNET_DATA" in os.environ else data.small_digits()
train = data.scale(digits.train.images[:6000])[:, 0], digits.train.labels[:6000]
test = data.scale(digits.test.images[:1000])[:, 0], digits.test.labels[:1000]
steps, pixels = train[0].shape[1:]
print(train[0].shape, "is N sequences of", steps, "steps of", pixels, "features")

# %%
# A cell and its fold
# -------------------
# A recurrent layer is a cell, ``(state, x) -> (state, y)``, folded over the steps. ``layers.lstm(n)`` is
# ``layers.scan(layers.lstm_cell(n))``. Its vjp goes through the steps backwards and adds up what each gives for the
# same weights: back-propagation through time.
#
# ``last`` takes what the LSTM shows after the last row; ten scores are made of that.

net = layers.serial(layers.lstm(48), layers.last(), layers.dense(10))
epochs, size = 4, 64
optimizer = optim.adam(optim.schedules.one_cycle(0.01, epochs * data.batch_count(len(train[0]), size)))
step = training.make_step(net, losses.softmax_cross_entropy, optimizer, {"accuracy": metrics.accuracy})
state = training.init(net, optimizer, rng.key(0), (steps, pixels))
for state, row in training.fit(step, state, train, epochs, size=size):
    found = training.evaluate(net, state.params, test, {"accuracy": metrics.accuracy})
    print(f"epoch {row['epoch']}: {row['accuracy']:.1%} while learning, {found['accuracy']:.1%} of the test")

# %%
# What it believes, row by row
# ----------------------------
# The same params, asked after every row: ``net[0]`` alone gives what the LSTM shows at all steps, and ``per_step``
# takes the dense layer to each of them.

shown, _ = net[0].apply(state.params[0], test[0])
scores, _ = layers.per_step(net[2]).apply(state.params[2], shown)
beliefs, _ = layers.softmax().apply((), scores)
print(shown.shape, "->", scores.shape)

right = (scores.argmax(axis=-1) == test[1][:, None]).mean(axis=0)
figure = plots.curves({"right": 100 * right}, x="rows read", y="percent")

# %%
# One picture, and the ten beliefs about it as it is read. The dark path jumps where a stroke decides.

figure = plots.images(test[0][:1], [f"is {test[1][0]}"], across=2)

# %%
figure = plots.heatmap(beliefs[0].T, rows=range(10), x="rows read", y="believed to be", title="softmax of the scores")

# %%
# How far back does it learn?
# ---------------------------
# The vjp answers: pull a cotangent of the last step back, and look at how much of it arrives at each row. An LSTM's
# forget gates keep it alive; a plain recurrent layer multiplies by the same matrix at every step, and it dies out, or
# explodes.


def reach(layer, params):
    """The size of the last step's gradient by each row of the input."""
    y, vjp = layer.apply(params, test[0][:200])
    dy = np.zeros_like(y)
    dy[:, -1] = 1
    _, dx = vjp(dy)
    return np.sqrt(np.square(dx).mean(axis=(0, 2)))


plain = layers.rnn(48)
sizes = {
    "lstm, trained": reach(net[0], state.params[0]),
    "lstm, as it begins": reach(net[0], net.init(rng.key(0), (steps, pixels))[0]),
    "rnn, as it begins": reach(plain, plain.init(rng.key(0), (steps, pixels))),
}
figure = plots.curves(sizes, x="row", y="gradient, root mean square", log=True)

# %%
# Attention has no such way to go
# -------------------------------
# In attention every row looks at all rows at once: step t makes a query, every step a key, and softmax(q·k / √d) says
# how much of each step's value it takes. Here is that table for a layer as it begins, made by hand of its own
# weights: rows of a picture that look alike look at each other. All gradients have one step to go.

attention = layers.attention(1)
own = attention.init(rng.key(0), (steps, pixels))
x = test[0][0]
q, k = x @ own.query.weight + own.query.bias, x @ own.key.weight + own.key.bias
weights, _ = layers.softmax().apply((), (q @ k.T / np.sqrt(pixels))[None])
figure = plots.heatmap(weights[0], x="looks at row", y="row")

# %%
# Exercises
# ---------
# 1. Read the digit from left to right: which transposition of the input does it take? And from both sides, by
#    ``layers.bidirectional``?
# 2. Put ``layers.gru`` in the LSTM's place. How many params are saved, and how far does its gradient reach?
# 3. ``layers.scan(cell, segments=4)`` computes the same and keeps less. Prove the first with ``==``, and say what it
#    costs.
