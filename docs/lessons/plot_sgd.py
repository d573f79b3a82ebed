"""
Why plain SGD stayed at 10 %
============================

Ten classes, and after five epochs one picture in ten is right: as good as guessing. Nothing is broken, the derivative
is proved, and Adam learns at least something. What happened?
"""

from itertools import pairwise

from fnnet import data, initializers, layers, losses, metrics, optim, plots, rng, training

digits = data.small_digits()
x, labels = data.scale(digits.train.images), digits.train.labels
loss = losses.softmax_cross_entropy


def net_of(activation, init):
    """Four hidden layers of 32, as deep nets were built once."""
    hidden = [part for _ in range(4) for part in (layers.dense(32, init=init), activation)]
    return layers.serial(layers.flatten(), *hidden, layers.dense(10, init=init))


def learn(net, optimizer, epochs=5):
    """Percent right while learning, epoch by epoch."""
    step = training.make_step(net, loss, optimizer, {"accuracy": metrics.accuracy})
    state = training.init(net, optimizer, rng.key(0), (1, 8, 8))
    return [100 * row["accuracy"] for _, row in training.fit(step, state, (x, labels), epochs, size=32)]


# %%
# The net of the story has sigmoids, and weights that begin small. SGD does not move; Adam does, late.

old = net_of(layers.sigmoid(), initializers.normal(0.1))
figure = plots.curves(
    {"SGD, 0.1": learn(old, optim.sgd(0.1)), "Adam, 0.01": learn(old, optim.adam(0.01))},
    x="epoch",
    y="right, percent",
    title="Four layers of sigmoids, small weights",
)

# %%
# Look at the sizes
# -----------------
# ``trace`` makes one step again and measures every layer. Here is the gradient by each layer's weights, on a
# logarithmic axis:


def gradients(net):
    """The root mean square of the gradient in every dense layer, at the first step."""
    state = training.init(net, optim.sgd(0.1), rng.key(0), (1, 8, 8))
    rows = training.trace(net, loss, optim.sgd(0.1), state, (x[:32], labels[:32]))
    return {row.path: row.gradient.rms for row in rows if row.gradient is not None}


figure = plots.bars(gradients(old), x="gradient by the weights, root mean square", log=True)

# %%
# From layer to layer, going back, the gradient shrinks about tenfold. The reason stands in the derivative of a
# sigmoid, y (1 - y): never more than ¼, and then multiplied with small weights. What reaches the first layer is less
# than a thousandth of what reaches the last. SGD moves a weight by the rate times its gradient: here next to nothing.
# Adam divides by the gradient's own size, so it moves all layers alike; but it still has to find its way with hardly
# a signal.
#
# A larger rate is no cure: what is right for the first layer throws the last one about.

print([round(percent) for percent in learn(old, optim.sgd(1.0))])

# %%
# The cure
# --------
# An activation whose slope is 1 where it counts, and first weights of the size that keeps what goes forwards and
# back alike in size: He's for ``relu``, Xavier's for ``tanh``. The optimizer is the same plain SGD.

rectified = net_of(layers.relu(), initializers.he_normal())
squashed = net_of(layers.tanh(), initializers.xavier_normal())
figure = plots.bars(gradients(rectified), x="gradient by the weights, root mean square", log=True)

# %%
figure = plots.curves(
    {
        "relu, He": learn(rectified, optim.sgd(0.1)),
        "tanh, Xavier": learn(squashed, optim.sgd(0.1)),
        "sigmoid, 0.1": learn(old, optim.sgd(0.1)),
    },
    x="epoch",
    y="right, percent",
    title="Plain SGD, 0.1",
)

# %%
# The other usual reason is the scale of the data: bytes from 0 to 255 are 255 times too large for a rate of 0.1,
# and the first steps throw all units of a ``relu`` net into the half where they are dead. ``data.scale`` is there
# for that.

# %%
# Exercises
# ---------
# 1. How much smaller should the gradient be one layer further back? Work it out from the slope of a sigmoid and the
#    size of the weights, and compare.
# 2. Leave the sigmoids and the small weights, and put ``layers.batch_norm`` in front of every sigmoid. Does plain SGD
#    learn? Why?
# 3. Would Xavier's weights alone have been enough for the sigmoids?
# 4. Train the ``relu`` net on bytes from 0 to 255. How many units of its layers are dead afterwards, 0 for every
#    picture?
#
# Try first: the answers unfold.
#
# .. rubric:: Answer 1
#    :class: answer
#
# Going back through a layer, each of 32 gradients is a sum of 32 products with weights of size 0.1, times the slope y
# (1 - y), which is ¼ near 0: √32 · 0.1 · ¼ = 0.14, a seventh. The measured ratios of neighbours are of that size.

found = list(gradients(old).values())
print("by hand ", round(32**0.5 * 0.1 / 4, 3))
print("measured", [round(before / after, 3) for before, after in pairwise(found)])

# %%
# .. rubric:: Answer 2
#    :class: answer
#
# It learns. What comes to each sigmoid has the spread 1 again, however small the weights are; and a gradient that comes
# back is divided by the spread that it had before. Small weights no longer matter.

hidden = [
    part
    for _ in range(4)
    for part in (layers.dense(32, init=initializers.normal(0.1)), layers.batch_norm(), layers.sigmoid())
]
normed = layers.serial(layers.flatten(), *hidden, layers.dense(10))
print([round(percent) for percent in learn(normed, optim.sgd(0.1))])

# %%
# .. rubric:: Answer 3
#    :class: answer
#
# No. Xavier's weights keep the size where the slope is 1; a sigmoid's is ¼. Four times as large would do for the slope
# at 0, and drives the units to where it is less. A ``tanh`` is a sigmoid with its slope mended.

glorot = net_of(layers.sigmoid(), initializers.xavier_normal())
print([round(percent) for percent in learn(glorot, optim.sgd(0.1))])

# %%
# .. rubric:: Answer 4
#    :class: answer
#
# Nearly all of them, in most layers every one: they give 0 for every picture, and nothing wakes them, since 0 has the
# slope 0. What is left to learn is the last bias: how frequent each class is.

step = training.make_step(rectified, loss, optim.sgd(0.1))
for name, pictures in {"from 0 to 1": x, "from 0 to 255": 255 * x}.items():
    state = training.init(rectified, optim.sgd(0.1), rng.key(0), (1, 8, 8))
    for state, _ in training.fit(step, state, (pictures, labels), 1, size=32):
        pass
    dead = []
    for at in range(3, len(rectified), 2):
        units, _ = rectified[:at].apply(state.params[:at], pictures)
        dead.append(int((units <= 0).all(axis=0).sum()))
    print(f"{name}: {dead} of 32 units are dead in the four layers")
