"""
Digits, from nothing to a file
==============================

A net that reads handwritten digits: data, a net, a step, a training, a look at what it learnt, a file.
"""

import os

import numpy as np

import fnnet
from fnnet import data, layers, losses, metrics, optim, plots, rng, training

# %%
# Data are plain arrays
# ---------------------
# Images (N, H, W) of bytes and labels (N,) of whole numbers. ``data.scale`` makes them (N, 1, H, W) float32 in [0,
# 1].

digits = data.mnist() if "FNNET_DATA" in os.environ else data.small_digits()
train = data.scale(digits.train.images[:4000]), digits.train.labels[:4000]
test = data.scale(digits.test.images[:1000]), digits.test.labels[:1000]
shape = train[0].shape[1:]
print(train[0].shape, train[0].dtype, "from", train[0].min(), "to", train[0].max())

figure = plots.images(train[0][:20], train[1][:20])

# %%
# A net is a value
# ----------------
# ``init`` makes params for examples of a shape. The net holds none: it can be printed, compared, saved, used twice.

net = layers.serial(
    layers.conv2d(8, 3, padding=1),
    layers.relu(),
    layers.max_pool(2),
    layers.conv2d(16, 3),
    layers.relu(),
    layers.flatten(),
    layers.dropout(0.2),
    layers.dense(10),
)
params = net.init(rng.key(0), shape)
print(net.shape(shape), fnnet.tree.paths(params))

# %%
# Before it has learnt anything, all ten classes are about as likely: the loss is near log 10 = 2.30.

before = training.evaluate(net, params, test, {"accuracy": metrics.accuracy}, losses.softmax_cross_entropy)
print({name: round(value, 3) for name, value in before.items()})

# %%
# Training is a fold
# ------------------
# A step is a pure function ``(state, batch) -> (state, metrics)``; ``fit`` folds it over batches, epoch after
# epoch, and hands on the state after each.

epochs, size = 4, 32
steps = epochs * data.batch_count(len(train[0]), size)
optimizer = optim.adam(optim.schedules.cosine(0.005, steps))
step = training.make_step(net, losses.softmax_cross_entropy, optimizer, {"accuracy": metrics.accuracy})
state = training.init(net, optimizer, rng.key(0), shape)
rows = []
for state, row in training.fit(step, state, train, epochs, size=size):
    found = training.evaluate(net, state.params, test, {"accuracy": metrics.accuracy})
    rows.append((row["accuracy"], found["accuracy"]))
    print(f"epoch {row['epoch']}: loss {row['loss']:.3f}, {found['accuracy']:.1%} of the test")

learning, testing = np.transpose(rows)
figure = plots.curves({"while learning": 100 * learning, "test": 100 * testing}, x="epoch", y="right, percent")

# %%
# What it learnt
# --------------
# The kernels of the first layer: red adds, blue takes away. Most have become edges and strokes.

figure = plots.weights(state.params.conv2d_0.weight)

# %%
# And what it still reads wrongly, with what it took it for:

read = training.predict(net, state.params, test[0]).argmax(axis=1)
wrong = np.flatnonzero(read != test[1])[:10]
figure = plots.images(test[0][wrong], [f"{test[1][i]}, read {read[i]}" for i in wrong], across=5)

# %%
# A file
# ------
# Architecture, params and shape in one file, without code. Whoever has it needs two lines.

fnnet.save("digits.safetensors", net, state.params, shape)
again, params, _ = fnnet.load("digits.safetensors")
print(again == net, bool((training.predict(again, params, test[0]).argmax(axis=1) == read).all()))
os.remove("digits.safetensors")
