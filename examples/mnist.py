"""An MNIST net in forty lines: data, a net, a step, one pass over the data, a file.

    pip install 'fnnet[runs]'
    python examples/mnist.py

MNIST is read from the directory that FNNET_DATA names, else downloaded once; without a network the small digits that
come with scikit-learn stand in. A quarter of a minute.
"""

import sys

import fnnet
from fnnet import data, layers, losses, metrics, optim, rng, training

EPOCHS, BATCH = 1, 64
OUT = sys.argv[1] if len(sys.argv) > 1 else "mnist.safetensors"

digits, note = data.mnist_or_digits()
print(note or f"MNIST: {len(digits.train.labels):,} pictures to learn from, {len(digits.test.labels):,} for the test")
train = data.scale(digits.train.images), digits.train.labels  # (N, 1, 28, 28) in [0, 1], and (N,) whole numbers
test = data.scale(digits.test.images), digits.test.labels

net = layers.serial(
    *(layers.conv2d(8, 3), layers.relu(), layers.max_pool(2)),
    *(layers.conv2d(16, 3), layers.relu(), layers.max_pool(2)),
    *(layers.flatten(), layers.dropout(0.25), layers.dense(10)),
)
steps = EPOCHS * data.batch_count(len(train[0]), BATCH)
optimizer = optim.adam(optim.schedules.cosine(0.004, steps))
step = training.make_step(net, losses.softmax_cross_entropy, optimizer, {"accuracy": metrics.accuracy})
state = training.init(net, optimizer, rng.key(0), (1, 28, 28))

for epoch in range(EPOCHS):
    key = rng.fold_in(rng.fold_in(state.key, "shuffle"), epoch)  # names the order of this epoch's pictures
    state, history = training.fold(step, state, data.batches(key, train, BATCH))
    found = training.evaluate(net, state.params, test, {"accuracy": metrics.accuracy})
    learnt = sum(values["accuracy"] for values in history) / len(history)
    print(f"epoch {epoch + 1}: {learnt:.2%} of the pictures right while learning, {found['accuracy']:.2%} in the test")

fnnet.save(OUT, net, state.params, (1, 28, 28), {"test accuracy": found["accuracy"]})
print(f"saved: {OUT}")
