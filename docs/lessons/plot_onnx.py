"""
Fine-tuning a net that came from elsewhere
==========================================

Somebody has trained a net, with PyTorch perhaps, and hands it on as an ONNX file. Here it becomes a value like any
other: it is looked at, cut, held, and a new end learns something else with few examples.
"""

import os

import numpy as np

from fnnet import data, layers, losses, metrics, optim, plots, rng, training, tree
from fnnet.exchange import from_onnx, to_onnx

digits = data.mnist() if "FNNET_DATA" in os.environ else data.small_digits()
accuracy = {"accuracy": metrics.accuracy}


def of(part, classes, most):
    """Up to so many pictures of these classes, which are numbered anew from 0."""
    chosen = np.flatnonzero(np.isin(part.labels, classes))[:most]
    return data.scale(part.images[chosen]), np.searchsorted(classes, part.labels[chosen])


# %%
# What they did
# -------------
# To have a file, we train a net on the digits 0 to 6, and write it. ``to_onnx`` returns an ``onnx.ModelProto``; any
# program that reads ONNX reads it.

OLD, NEW = np.arange(7), np.arange(7, 10)


def learn(net, params, optimizer, examples, epochs, size=32):
    """The params at the end, from these on."""
    step = training.make_step(net, losses.softmax_cross_entropy, optimizer)
    state = training.TrainState(0, params, optimizer.init(params), rng.key(7))
    *_, (state, _) = training.fit(step, state, examples, epochs, size=size)
    return state.params


first = of(digits.train, OLD, 4000)
theirs = layers.serial(
    layers.conv2d(8, 3, padding=1), layers.relu(), layers.max_pool(2),
    layers.conv2d(16, 3), layers.relu(), layers.flatten(), layers.dense(32), layers.relu(), layers.dense(7),
)  # fmt: skip
shape = first[0].shape[1:]
trained = learn(theirs, theirs.init(rng.key(0), shape), optim.adam(0.003), first, epochs=3)
file = to_onnx(theirs, trained, shape).SerializeToString()
print(len(file), "bytes")

# %%
# What we read
# ------------
# ``from_onnx`` gives the net, its params and the shape of an example. It computes what it computed there.

read = from_onnx(file)
print(read.net)
test = of(digits.test, OLD, 500)
print(
    "the same scores:",
    np.allclose(read.net.apply(read.params, test[0])[0], theirs.apply(trained, test[0])[0], atol=1e-5),
)
print(training.evaluate(read.net, read.params, test, accuracy))

# %%
# A new end
# ---------
# A net in series is cut like a list, and its params like a tuple. ``frozen`` holds the body: its gradients are not
# even computed; ``tree.hold`` marks its params. Of the digits 7, 8 and 9, which it has never seen, we have six of each.

body, held = read.net[:-1], tree.hold(read.params[:-1])
tuned = layers.serial(layers.named("body", layers.frozen(body)), layers.named("end", layers.dense(3)))
fresh = tuned.init(rng.key(1), shape)
print(tree.paths(fresh)[-2:], "are what learns")
begin = fresh._replace(body_0=held)

labels = digits.train.labels
few = np.concatenate([np.flatnonzero(labels == digit)[:6] for digit in NEW])
new = data.scale(digits.train.images[few]), labels[few] - 7
unseen = of(digits.test, NEW, 1000)

# %%
# Three ways to learn it: the new end alone; then all of it, gently; and the same net from nothing.

ended = learn(tuned, begin, optim.adam(0.01), new, epochs=60, size=10)
whole = layers.serial(*(layer for _, layer in body), layers.dense(3))
loose = whole.init(rng.key(1), shape)
loose = type(loose)(*read.params[:-1], ended.end_0)
all_of_it = learn(whole, loose, optim.adam(0.0003), new, epochs=30, size=10)
nothing = learn(whole, whole.init(rng.key(1), shape), optim.adam(0.003), new, epochs=60, size=10)
found = {
    "a new end": training.evaluate(tuned, ended, unseen, accuracy)["accuracy"],
    "all of it, gently": training.evaluate(whole, all_of_it, unseen, accuracy)["accuracy"],
    "from nothing": training.evaluate(whole, nothing, unseen, accuracy)["accuracy"],
}
figure = plots.bars({name: 100 * value for name, value in found.items()}, x="right of 7 to 9, percent")

# %%
# Nothing of what was held has moved, to the bit:

same = [
    np.array_equal(tree.array(a), b)
    for a, b in zip(tree.leaves(ended.body_0), tree.leaves(read.params[:-1]), strict=True)
]
print(all(same), len(same), "leaves")

# %%
# Where it errs
# -------------
# Of the tuned net: what a digit is, and what it was read as.

said = training.predict(whole, all_of_it, unseen[0]).argmax(axis=1)
table = np.zeros((3, 3))
np.add.at(table, (unseen[1], said), 1)
figure = plots.heatmap(table, NEW, NEW, x="read as", y="is", digits=0)

# %%
# And out again
# -------------
# What was learnt goes back into an ONNX file, for whoever runs it without Python.

print([node.op_type for node in to_onnx(whole, all_of_it, shape).graph.node])

# %%
# Exercises
# ---------
# 1. How many examples of each new digit does the net from nothing need to come as far?
# 2. Hold only the first convolution: which layers does ``frozen`` have to be put around?
# 3. ``optim.partition`` gives each group of leaves its own optimizer. Let the body learn at a tenth of the end's
#    rate.
