"""
A layer of your own, from the formula to the proof
==================================================

A layer is a pair of functions. The derivative is yours to write, and the law kit's to prove.
"""

import numpy as np

from fnnet import explain, layers, losses, optim, plots, rng, testing, training
from fnnet.recipe import factory

# %%
# The formula
# -----------
# Let us make a smooth step with a slope that is learnt, one for each feature:
#
# .. code-block:: text
#
#    y = tanh(a x)
#    dx = dy a (1 - y²),    da = Σₙ dy x (1 - y²)
#
# ``a`` is a parameter: it begins at 1, float32, read-only once it leaves ``init``. Everything else is two lines
# each.


@factory
def steep():
    """tanh(a x), with a slope a for each feature."""

    def init(key, shape):
        return {"slope": np.ones(shape, np.float32)}

    def apply(params, x):
        y = np.tanh(params["slope"] * x)

        def vjp(dy):
            inner = dy * (1 - y * y)
            return {"slope": (inner * x).sum(axis=0)}, inner * params["slope"]

        return y, vjp

    return layers.layer(init, apply)


# %%
# The proof
# ---------
# ``check_layer`` compares the derivative with differences along random directions, with random cotangents, in
# float64; and holds the layer to the other laws: it writes to nothing it was given, keeps shapes and dtypes, can be
# asked twice, …

print(testing.check_layer(steep(), (3,), smooth=True))

# %%
# A slip
# ------
# A forgotten factor, as everybody has written it once. The law is broken, and the kit shrinks the case until it can
# be followed by hand:


@factory
def slip():
    """The same, without a in dx."""

    def init(key, shape):
        return {"slope": np.ones(shape, np.float32)}

    def apply(params, x):
        y = np.tanh(params["slope"] * x)

        def vjp(dy):
            inner = dy * (1 - y * y)
            return {"slope": (inner * x).sum(axis=0)}, inner

        return y, vjp

    return layers.layer(init, apply)


print(testing.check_layer(slip(), (3,), laws=["derivative"]))

# %%
# At a = 1, where ``init`` begins, the slip does not show at all: that is why the kit moves params away from there.
#
# The numbers
# -----------
# The same case that ``fnnet explain my_layers.py:steep --shape 2`` prints:

told = explain.explain(steep(), (2,), batch=1)
print("\n".join(str(told).splitlines()[:24]))

# %%
# In use
# ------
# It goes wherever a layer goes. Here it learns how steep a step in noisy data is:

x = rng.normal(rng.key(1), (256, 1))
y = np.tanh(4 * x) + 0.1 * rng.normal(rng.key(2), (256, 1))
optimizer = optim.adam(0.05)
step = training.make_step(steep(), losses.mean_squared_error, optimizer)
state, slopes = training.init(steep(), optimizer, rng.key(0), (1,)), []
for state, _ in training.fit(step, state, (x, y), 20, size=32):
    slopes.append(float(state.params["slope"][0]))

figure = plots.curves({"learnt slope": slopes}, x="epoch", y="a (true: 4)")

# %%
# Exercises
# ---------
# 1. Forget the ``sum`` in da. Which law says so? It needs no derivative.
# 2. Make one slope for all features, whatever the shape: what changes in ``init``, and what in ``vjp``?
# 3. Write the swish with a learnt slope, y = x σ(a x). What are dx and da? Prove them.
# 4. Write ``abs(x)``. Its derivative jumps at 0: what do ``smooth=True`` and ``piecewise_linear=True`` say of it?
#
# Try first: the answers unfold.
#
# .. rubric:: Answer 1
#    :class: answer
#
# A gradient has the shape of its param. Without the sum it has one row for each example.


@factory
def unsummed():
    """tanh(a x), whose slope gets a gradient from each example instead of the sum."""

    def init(key, shape):
        return {"slope": np.ones(shape, np.float32)}

    def apply(params, x):
        y = np.tanh(params["slope"] * x)

        def vjp(dy):
            inner = dy * (1 - y * y)
            return {"slope": inner * x}, inner * params["slope"]

        return y, vjp

    return layers.layer(init, apply)


result = testing.check_layer(unsummed(), (3,), laws=["shape"])
print(result)
assert not result

# %%
# .. rubric:: Answer 2
#    :class: answer
#
# What was copied going forwards is summed going back: one slope serves every feature of every example, so its gradient
# is a sum over all of them.


@factory
def steep_alike():
    """tanh(a x), with one slope a."""

    def init(key, shape):
        return {"slope": np.ones(1, np.float32)}

    def apply(params, x):
        y = np.tanh(params["slope"] * x)

        def vjp(dy):
            inner = dy * (1 - y * y)
            return {"slope": (inner * x).sum().reshape(1)}, inner * params["slope"]

        return y, vjp

    return layers.layer(init, apply)


testing.assert_layer(steep_alike(), (3,), smooth=True)
testing.assert_layer(steep_alike(), (2, 4, 4), smooth=True)

# %%
# .. rubric:: Answer 3
#    :class: answer
#
# With s = σ(a x) and s' = s (1 - s):
#
# .. code-block:: text
#
#    dx = dy (s + a x s'),    da = Σₙ dy x² s'


@factory
def learnt_swish():
    """x σ(a x), with a slope a for each feature."""

    def init(key, shape):
        return {"slope": np.ones(shape, np.float32)}

    def apply(params, x):
        a = params["slope"]
        s = 1 / (1 + np.exp(-a * x))

        def vjp(dy):
            inner = dy * x * s * (1 - s)
            return {"slope": (inner * x).sum(axis=0)}, dy * s + a * inner

        return x * s, vjp

    return layers.layer(init, apply)


testing.assert_layer(learnt_swish(), (3,), smooth=True)

# %%
# .. rubric:: Answer 4
#    :class: answer
#
# It is linear in pieces, so the kit may ask for equality on fractions, and gets it. It is not smooth: ``abs`` of a
# complex number is its length, a real number, so no complex step gets through. At 0 itself every slope from -1 to 1 is
# a fair answer; this one gives 0.


@factory
def size():
    """|x|."""

    def apply(params, x):
        return abs(x), lambda dy: ((), dy * np.sign(x))

    return layers.layer(lambda key, shape: (), apply)


testing.assert_layer(size(), (3,), piecewise_linear=True)
result = testing.check_layer(size(), (3,), smooth=True, laws=["complex_steps"])
print(result)
assert not result
