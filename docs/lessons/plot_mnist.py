"""
Digits, from nothing to a file
==============================

A net that reads handwritten digits: data, a net, a step, a training, a look at what it learnt, a file.
"""

import os

import numpy as np

import fnnet
from fnnet import data, layers, losses, metrics, optim, plots, rng, training, tree

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

# %%
# Exercises
# ---------
# 1. How many params does each layer have? Work it out on paper from the shapes first.
# 2. The loss before training was only near log 10. Which params make it log 10 exactly? Can the net learn from there?
#    And if all weights are 0?
# 3. The kernels know no places: a picture moved by a pixel gives the same maps, moved by a pixel. Does the net read
#    moved digits as well as others?
# 4. The rate was 0.005. What do a hundredth of it and a hundred times as much do in one epoch?
#
# Try first: the answers unfold.
#
# .. rubric:: Answer 1
#    :class: answer
#
# A kernel has one weight for each input channel and each of its 3 × 3 places, and one bias. A dense unit has one weight
# for each number that comes in, and one bias. Nearly all params are in the last layer.

(_, high, wide), sides = shape, 16 * (shape[1] // 2 - 2) * (shape[2] // 2 - 2)
by_hand = [8 * (1 * 3 * 3 + 1), 16 * (8 * 3 * 3 + 1), 10 * (sides + 1)]
counted = [sum(leaf.size for leaf in part) for part in params if part]
print(by_hand, by_hand == counted)

# %%
# .. rubric:: Answer 2
#    :class: answer
#
# With a last layer of zeros all logits are 0, whatever comes in, and all classes have exactly the probability 1/10. It
# learns: the gradient by the last weights is what comes in times the error, which is not 0. Only the layers before it
# get none at the first step, since it comes back through those weights. With all weights 0 nothing comes in either:
# all that ever learns is the last bias.

begun = training.init(net, optimizer, rng.key(0), shape)
*early, last = begun.params
silent = type(begun.params)(*early, tree.map(np.zeros_like, last))
nothing = tree.map(np.zeros_like, begun.params)
for name, own in {"last layer 0": silent, "all 0": nothing}.items():
    first = training.evaluate(net, own, test, {}, losses.softmax_cross_entropy)["loss"]
    _, grads, _ = training.value_and_grad(net, losses.softmax_cross_entropy)(own, *(part[:64] for part in train))
    moved = [path for path, leaf in zip(tree.paths(grads), tree.leaves(grads), strict=True) if leaf.any()]
    print(f"{name}: loss {first:.7f} - log 10 = {first - np.log(10):.1e}; a gradient for {', '.join(moved)}")

# %%
# .. rubric:: Answer 3
#    :class: answer
#
# No: ``flatten`` and ``dense`` give every place weights of its own, and pooling forgives a pixel at best. Either show
# it moved digits while it learns (``data.shift``), or end with ``layers.global_avg_pool``, which forgets places.

right = []
for pixels in range(5):
    moved = np.roll(test[0], pixels, axis=3)
    right.append(100 * training.evaluate(net, params, (moved, test[1]), {"accuracy": metrics.accuracy})["accuracy"])

figure = plots.curves({"as trained": right}, at=range(5), x="pixels to the right", y="right, percent")

# %%
# .. rubric:: Answer 4
#    :class: answer
#
# Adam moves every weight by about the rate, whatever the gradient's size. A hundredth is right in the end, and takes a
# hundred times as many steps. At 0.5 the first steps throw the weights, which begin near 0.1, far beyond all use.

for rate in (0.00005, 0.005, 0.5):
    tried = training.make_step(net, losses.softmax_cross_entropy, optim.adam(rate))
    state = training.init(net, optim.adam(rate), rng.key(0), shape)
    ((state, row),) = training.fit(tried, state, train, 1, size=size)
    found = training.evaluate(net, state.params, test, {"accuracy": metrics.accuracy})
    print(f"rate {rate}: loss while learning {row['loss']:.2f}, {found['accuracy']:.0%} of the test")
