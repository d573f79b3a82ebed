"""A layer of your own, from the formula to the proof: a learnt, smooth gate for every feature.

    pip install 'fnnet[test]'
    python examples/own_layer.py

The formula first:

    y = x · s(a),    s(a) = 1 / (1 + e⁻ᵃ),    a for each feature

    dx = dy · s,     da = Σₙ dy · x · s (1 - s)
"""

import numpy as np

from fnnet import layers, losses, optim, recipe, rng, testing, training


@recipe.factory  # so that nets with it print, compare, pickle and save like any other
def gate(start=0.0):
    """Let a learnt share of every feature through."""

    def init(key, shape):
        return {"openness": np.full(shape, start, np.float32)}

    def apply(params, x):
        s = 1 / (1 + np.exp(-params["openness"]))
        y = x * s

        def vjp(dy):  # the derivative, directly under the value
            return {"openness": (dy * x * s * (1 - s)).sum(axis=0)}, dy * s

        return y, vjp

    return layers.layer(init, apply)


def wrong_gate():
    """The same with a slip in the derivative: the factor 1 - s is forgotten."""

    def apply(params, x):
        s = 1 / (1 + np.exp(-params["openness"]))
        return x * s, lambda dy: ({"openness": (dy * x * s).sum(axis=0)}, dy * s)

    return layers.layer(gate().init, apply)


print("the right one:", "every law holds" if testing.check_layer(gate(), (4,)) else "broken")
print("\nthe wrong one:", testing.check_layer(wrong_gate(), (4,)), sep="\n")

net = layers.serial(gate(), layers.dense(1))
x = rng.normal(rng.key(1), (256, 4))
target = 3 * x[:, :1]  # only the first feature says anything
optimizer = optim.adam(0.05)
step = training.make_step(net, losses.squared_error, optimizer)
state, history = training.fold(step, training.init(net, optimizer, rng.key(0), (4,)), [(x, target)] * 400)
print(f"\n{net} has learnt: the loss fell from {history[0]['loss']:.3f} to {history[-1]['loss']:.1e}")
