"""
Five seeds, one band
====================

A run is one throw of the dice. Five runs of each optimizer, the mean as a line, from the least to the greatest as a
band: where bands lie on each other, a difference between two single runs says nothing.
"""

from fnnet import data, layers, losses, optim, plots, rng, training

digits = data.small_digits()
train = data.scale(digits.train.images), digits.train.labels
net = layers.serial(layers.flatten(), layers.dense(48), layers.relu(), layers.dense(10))


def losses_of(optimizer, seed, epochs=10):
    """The loss of every epoch, from that seed on."""
    step = training.make_step(net, losses.softmax_cross_entropy, optimizer)
    state = training.init(net, optimizer, rng.key(seed), (1, 8, 8))
    return [row["loss"] for _, row in training.fit(step, state, train, epochs, size=32)]


rules = {"SGD": optim.sgd(0.1), "momentum": optim.sgd(0.02, momentum=0.9), "Adam": optim.adam(0.003)}
figure = plots.curves(
    {name: [losses_of(rule, seed) for seed in range(5)] for name, rule in rules.items()},
    x="epoch",
    y="loss while learning",
    log=True,
)
