"""
Dropout, and its quarrel with batch norm
========================================

Dropout sets units to 0 at random while a net learns. What remains is made larger, so that sums stay what they were in
the mean. In the mean: their spread does not stay, and a batch norm behind it remembers the wrong one.
"""

import numpy as np

from fnnet import data, layers, losses, metrics, optim, plots, rng, training

# %%
# What it does, in numbers
# ------------------------
# Dropout is there in training only: ``net.train(key)`` is the net with its coins thrown. The same key throws the same
# coins. Each of these units goes with probability ⅓, what stays is divided by ⅔.

drop = layers.dropout(1 / 3)
x = np.ones((1, 9), np.float32)
y, vjp = drop.train(rng.key(3)).apply((), x)
print("in evaluation", drop.apply((), x)[0])
print("in training  ", y)

# %%
# The derivative is the same mask: y = x · m / (1 - p), so dx = dy · m / (1 - p). What was dropped gets no gradient.

_, dx = vjp(np.ones_like(y))
print("dx           ", dx)

# %%
# What it is for
# --------------
# Few examples and a large net may learn them by heart. Dropout keeps units from relying on each other, so it is meant
# to help on the test. It always costs epochs; whether it helps has to be tried. On these digits it brings next to
# nothing.

digits = data.small_digits()
few = data.scale(digits.train.images[:200]), digits.train.labels[:200]
test = data.scale(digits.test.images), digits.test.labels
accuracy = {"accuracy": metrics.accuracy}


def learn(net, examples, epochs):
    """The params at the end, and the loss on the test after every epoch."""
    optimizer = optim.adam(0.001)
    step = training.make_step(net, losses.softmax_cross_entropy, optimizer)
    state = training.init(net, optimizer, rng.key(0), (1, 8, 8))
    found = []
    for state, _ in training.fit(step, state, examples, epochs, size=32):
        found.append(training.evaluate(net, state.params, test, {}, losses.softmax_cross_entropy)["loss"])
    return state.params, found


def net_of(rate):
    """Two wide layers, units dropped behind each."""
    hidden = [part for _ in range(2) for part in (layers.dense(256), layers.relu(), layers.dropout(rate))]
    return layers.serial(layers.flatten(), *hidden, layers.dense(10))


losses_of = {}
for rate in (0.0, 0.2, 0.5):
    params, losses_of[f"dropout {rate}"] = learn(net_of(rate), few, epochs=40)
    right = training.evaluate(net_of(rate), params, test, accuracy)["accuracy"]
    print(f"dropout {rate}: {right:.1%} of the test is right")

figure = plots.curves(losses_of, x="epoch", y="loss on the test")

# %%
# The quarrel
# -----------
# Let x have mean μ and variance v. Dropped at rate p and divided by q = 1 - p, its mean is still μ, but its mean
# square is (v + μ²) / q, so its variance is
#
#     (v + μ²) / q - μ²  =  v / q + μ² p / q.
#
# In evaluation nothing is dropped, and the variance is v again. A batch norm behind a dropout has remembered the
# larger one: everything it hands on in evaluation is too small. Here for units after a rectifier, at p = ½:

units = np.maximum(rng.normal(rng.key(1), (100_000, 1)), 0)
dropped, _ = layers.dropout(0.5).train(rng.key(2)).apply((), units)
v, mu = units.var(), units.mean()
print(f"variance {v:.3f}; dropped {dropped.var():.3f}; by the formula {v / 0.5 + mu**2:.3f}")

# %%
# In a net
# --------
# The same layers in two orders. For each batch norm: the variance that it remembers, divided by the one that comes to
# it in evaluation. Where no dropout stands in front of it, the two are nearly alike.


def ordered(*parts):
    """Three hidden layers, with these parts behind each."""
    hidden = [part for _ in range(3) for part in (layers.dense(64), *parts)]
    return layers.serial(layers.flatten(), *hidden, layers.dense(10))


def remembered(net, params):
    """For each batch norm, the variance it remembers by the one that it meets."""
    found = []
    for at, (name, _) in enumerate(net):
        if name.startswith("batch_norm"):
            met = net[:at].apply(params[:at], train[0])[0].var(axis=0)
            found.append(float(params[at].variance.array.mean() / met.mean()))
    return found


train = data.scale(digits.train.images), digits.train.labels
norm, act, drop = layers.batch_norm(), layers.relu(), layers.dropout(0.5)
orders = {"dropout last": (norm, act, drop), "none": (norm, act)}
ratios = {}
for name, parts in orders.items():
    net = ordered(*parts)
    params, _ = learn(net, train, epochs=12)
    ratios |= {f"{name}: batch norm {i + 1}": ratio for i, ratio in enumerate(remembered(net, params))}

figure = plots.bars(ratios, x="variance remembered, divided by the variance met")

# %%
# Three ways out
# --------------
# Put dropout behind the last batch norm, in front of the last dense layer, where nobody remembers anything. Or leave
# it out: batch norm's noise is a regularizer of its own. Or let the net measure again what it will meet, with nothing
# dropped: dropout has no params, so the params of a net with it fit the same net with ``dropout(0)``.

for name, net in {
    "between the batch norms": ordered(norm, act, drop),
    "behind the last": layers.serial(*(part for _, part in ordered(norm, act)[:-1]), drop, layers.dense(10)),
    "nowhere": ordered(norm, act),
}.items():
    params, _ = learn(net, train, epochs=12)
    right = training.evaluate(net, params, test, accuracy)["accuracy"]
    print(f"dropout {name}: {right:.1%} right")

net, still = ordered(norm, act, drop), ordered(norm, act, layers.dropout(0.0))
params, _ = learn(net, train, epochs=12)
again = training.calibrate(still, params, data.batches(rng.key(5), train, 256))
found = [training.evaluate(net, own, test, accuracy, losses.softmax_cross_entropy) for own in (params, again)]
print("loss as remembered {loss:.3f}".format(**found[0]), "and measured again {loss:.3f}".format(**found[1]))

# %%
# Exercises
# ---------
# 1. Work out the variance of dropped units for μ = 0. How large is the quarrel behind a ``tanh``, whose mean is near
#    0?
# 2. ``layers.alpha_dropout`` keeps mean *and* variance. Put it, with ``layers.selu``, into the nets above.
# 3. At which rate does dropout stop helping the 200 examples? Draw the loss on the test over the rate.
#
# Li, Chen, Hu and Yang (2019), "Understanding the disharmony between dropout and batch normalization by variance
# shift", measured the same on large nets.
