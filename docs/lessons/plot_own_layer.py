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
