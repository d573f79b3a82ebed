"""
Batch norm and its memory
=========================

In training, batch norm measures each batch; in evaluation it uses what it remembers. Most surprises with it are about
that memory.
"""

import numpy as np

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
