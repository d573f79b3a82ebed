"""Fine-tuning: a net that has learnt five digits learns the other five with its last layer alone.

    pip install 'fnnet[runs]'
    python examples/fine_tuning.py

On the small digits that come with scikit-learn; a few seconds.
"""

import tempfile
from pathlib import Path

import numpy as np

import fnnet
from fnnet import data, layers, losses, metrics, optim, rng, training, tree

digits = data.small_digits()
SHAPE, CLASSES = (1, 8, 8), 5


def of(labels, part):
    """The pictures of these digits, their labels counted from 0."""
    chosen = np.isin(part.labels, labels)
    return data.scale(part.images[chosen]), part.labels[chosen] - min(labels)


def learn(net, params, optimizer, examples, epochs):
    """So many passes over the examples."""
    step = training.make_step(net, losses.softmax_cross_entropy, optimizer)
    state = training.init(net, optimizer, rng.key(0), SHAPE)._replace(params=params, opt_state=optimizer.init(params))
    for epoch in range(epochs):
        state, _ = training.fold(step, state, data.batches(rng.fold_in(state.key, epoch), examples, 32))
    return state.params


def right(net, params, examples):
    """The share of examples that are read right."""
    return training.evaluate(net, params, examples, {"accuracy": metrics.accuracy})["accuracy"]


# Learn 0 to 4, and put the net into a file.
body = layers.serial(layers.conv2d(16, 3, padding=1), layers.relu(), layers.max_pool(2), layers.flatten())
net = layers.serial(body, layers.dense(CLASSES))
first = of(range(5), digits.train)
params = learn(net, net.init(rng.key(0), SHAPE), optim.adam(0.01), first, 10)
path = Path(tempfile.mkdtemp()) / "zero-to-four.safetensors"
fnnet.save(path, net, params, SHAPE)
print(f"0 to 4: {right(net, params, of(range(5), digits.test)):.2%} of the test pictures right")

# Elsewhere, later: the same body under a new last layer, and only a few pictures of the other digits.
learnt, weights, _ = fnnet.load(path)
few = data.subset(digits.train, slice(150))
second, test = of(range(5, 10), few), of(range(5, 10), digits.test)
new = layers.serial(*(child for _, child in learnt[:-1]), layers.dense(CLASSES))
begun = new.init(rng.key(1), SHAPE)
begun = begun._replace(serial_0=weights.serial_0)

last_alone = optim.freeze(optim.adam(0.01), optim.outside("dense_0"))  # 1. hold what is not below dense_0
tuned = learn(new, begun, last_alone, second, 30)
print(f"5 to 9 from {len(second[1])} pictures, the last layer trained: {right(new, tuned, test):.2%}")
same = all(a is b for a, b in zip(tree.leaves(tuned.serial_0), tree.leaves(begun.serial_0), strict=True))
print(f"the body is the one from the file: {same}")

gently = optim.partition(  # 2. or move all, the body a hundred times slower
    lambda path: "last" if path.startswith("dense_0.") else "body",
    {"last": optim.adam(0.01), "body": optim.adam(0.0001)},
)
print(f"the body moved gently as well: {right(new, learn(new, begun, gently, second, 30), test):.2%}")
