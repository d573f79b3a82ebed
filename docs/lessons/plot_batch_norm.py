"""
Batch norm and its memory
=========================

In training, batch norm measures each batch; in evaluation it uses what it remembers. Most surprises with it are about
that memory.
"""

import numpy as np

import fnnet
from fnnet import data, layers, losses, metrics, optim, plots, rng, training

# %%
# The memory is in the params
# ---------------------------
# Two of its four leaves are marked ``Running``: remembered, not trained. What the vjp gives in their place is not a
# gradient, but what they are to become.

net = layers.batch_norm(decay=0.9)
params = net.init(rng.key(0), (1,))
x = 5 + 2 * rng.normal(rng.key(1), (64, 1))
y, vjp = net.train(rng.key(2)).apply(params, x)
successor, _ = vjp(np.zeros_like(y))
print("remembered", params.mean.array, params.variance.array)
print("afterwards", successor.mean.array, successor.variance.array)
print("the batch ", x.mean(axis=0), x.var(axis=0, ddof=1))

# %%
# It takes a while
# ----------------
# After n batches 0.9ⁿ of what it began with is still there. A large ``decay`` averages over more, and is wrong for
# longer.

memories = {}
for decay in (0.5, 0.9, 0.99):
    net, own = layers.batch_norm(decay=decay), []
    params = net.init(rng.key(0), (1,))
    for i in range(80):
        batch = 5 + 2 * rng.normal(rng.fold_in(rng.key(3), i), (16, 1))
        _, vjp = net.train(rng.key(i)).apply(params, batch)
        after, _ = vjp(np.zeros_like(batch))
        params = optim.apply_updates(params, after._replace(gain=None, bias=None))
        own.append(float(params.mean.array[0]))
    memories[f"decay {decay}"] = own

figure = plots.curves(memories, x="batch", y="remembered mean (true: 5)")

# %%
# So evaluation lags behind training
# ----------------------------------
# A net on small digits, looked at every few steps: on the batch itself (training), and in evaluation. At first the
# memory is still nearly 0 and 1, and evaluation is much worse than the net is.

digits = data.small_digits()
train = data.scale(digits.train.images), digits.train.labels
test = data.scale(digits.test.images), digits.test.labels
net = layers.serial(layers.flatten(), layers.dense(32), layers.batch_norm(decay=0.98), layers.relu(), layers.dense(10))
optimizer = optim.adam(0.01)
step = training.make_step(net, losses.softmax_cross_entropy, optimizer, {"accuracy": metrics.accuracy})
state = training.init(net, optimizer, rng.key(0), (1, 8, 8))
steps, learning, evaluated = [], [], []
for i, batch in enumerate(data.batches(rng.key(4), train, 32)):
    state, row = step(state, batch)
    if i % 4 == 3:
        found = training.evaluate(net, state.params, test, {"accuracy": metrics.accuracy})
        steps, learning = [*steps, i + 1], [*learning, row["accuracy"]]
        evaluated.append(found["accuracy"])

figure = plots.curves(
    {"its own batch": 100 * np.array(learning), "in evaluation": 100 * np.array(evaluated)},
    at=steps,
    y="right, percent",
)

# %%
# The cure
# --------
# ``calibrate`` measures again, with the weights as they are now. Nothing else moves.

measured = layers.serial(
    layers.flatten(), layers.dense(32), layers.batch_norm(decay=0.8), layers.relu(), layers.dense(10)
)
cured = training.calibrate(measured, state.params, data.batches(rng.key(5), train, 256))
for name, own in (("as remembered", state.params), ("measured again", cured)):
    found = training.evaluate(net, own, test, {"accuracy": metrics.accuracy})
    print(f"{name}: {found['accuracy']:.1%}")

# %%
# Exercises
# ---------
# 1. After how many batches is only 1 % of the memory's beginning left, for each decay above?
# 2. Add a number to a whole channel, or multiply it by one: y stays as it is. What does that say of dx? Prove it by
#    numbers.
# 3. What does it say of the dense layer in front: of its bias, and of its weights, made ten times as large?
# 4. In evaluation batch norm is one product and one sum for each feature. Put it into the dense layer in front, so
#    that the net needs no batch norm any more.
# 5. What happens in training with a batch of one?
#
# Try first: the answers unfold.
#
# .. rubric:: Answer 1
#    :class: answer
#
# decayⁿ = 0.01 where n = log 0.01 / log decay.

for decay in (0.5, 0.9, 0.99):
    print(f"decay {decay}: {np.ceil(np.log(0.01) / np.log(decay)):.0f} batches")

# %%
# .. rubric:: Answer 2
#    :class: answer
#
# Where y does not change, its slope is 0. Along the direction 1 (all examples alike, what adding a number does) and
# along x - μ (what multiplying does): Σ dx = 0 and Σ dx (x - μ) = 0 for each feature, whatever dy is. (The second is
# not quite 0, since ε is added to the variance and does not grow with x.)

norm = layers.batch_norm()
x, dy = 5 + 2 * rng.normal(rng.key(6), (64, 3)), rng.normal(rng.key(7), (64, 3))
_, vjp = norm.train(rng.key(2)).apply(norm.init(rng.key(0), (3,)), x)
_, dx = vjp(dy)
print("Σ |dx|       ", abs(dx).sum(axis=0).round(2))
print("Σ dx         ", dx.sum(axis=0).round(5))
print("Σ dx (x - μ) ", (dx * (x - x.mean(axis=0))).sum(axis=0).round(5))

# %%
# .. rubric:: Answer 3
#    :class: answer
#
# The bias gets no gradient: it is taken away again with the mean. Weights ten times as large make the same y, and a
# gradient a tenth as large; so the same rate moves them a hundredth as far, measured by their own size.

front = layers.serial(layers.dense(4), layers.batch_norm())
begun = dense, norm = front.init(rng.key(0), (3,))
x = rng.normal(rng.key(6), (64, 3))
for times in (1, 10):
    y, vjp = front.train(rng.key(2)).apply(type(begun)(dense._replace(weight=times * dense.weight), norm), x)
    (slopes, _), _ = vjp(np.sin(y))
    print(f"weights × {times}: {abs(slopes.weight).max():.4f} by the weights, {abs(slopes.bias).max():.0e} by the bias")

# %%
# .. rubric:: Answer 4
#    :class: answer
#
# y = g (x W + b - μ) r + β, so the columns of W are multiplied by g r, and the bias becomes (b - μ) g r + β.

_, dense, norm, _, last = cured
factor = norm.gain / np.sqrt(norm.variance.array + 1e-5)
folded = dense._replace(weight=dense.weight * factor, bias=(dense.bias - norm.mean.array) * factor + norm.bias)
plain = layers.serial(layers.flatten(), layers.dense(32), layers.relu(), layers.dense(10))
own = plain.init(rng.key(0), (1, 8, 8))
own = type(own)(own[0], folded, own[2], last)
apart = abs(training.predict(plain, own, test[0]) - training.predict(net, cured, test[0])).max()
print(f"{len(net)} layers and {len(plain)}: logits at most {apart:.0e} apart")
assert apart < 1e-4

# %%
# .. rubric:: Answer 5
#    :class: answer
#
# The mean of one example is the example: x - μ = 0, and nothing of x is left. fnnet says so instead of training on
# zeros. ``layers.layer_norm`` and ``layers.group_norm`` measure each example by itself and need no batch.

try:
    layers.batch_norm().train(rng.key(2)).apply(layers.batch_norm().init(rng.key(0), (3,)), x[:1])
except fnnet.errors.ShapeError as error:
    print(error)
