"""Dense layers: a product and a bias, and the three sums that are their gradients."""

from fractions import Fraction

import numpy as np
import pytest

from fnnet import errors, initializers, layers, rng


@pytest.mark.parametrize("bias", [True, False])
def test_value_and_gradients_agree_with_loops(bias):
    """On fractions, so with equality."""
    net = layers.dense(3, bias=bias)
    drawn = net.init(rng.key(0), (2,))
    exact = np.vectorize(lambda v: Fraction(float(v)).limit_denominator(100), otypes=[object])
    params = type(drawn)(*(exact(leaf) for leaf in drawn))
    x, dy = exact(rng.normal(rng.key(1), (4, 2))), exact(rng.normal(rng.key(2), (4, 3)))
    y, vjp = net.apply(params, x)
    grads, dx = vjp(dy)
    weight, own = params.weight, params.bias if bias else [0] * 3
    for n in range(4):
        for k in range(3):
            assert y[n, k] == sum(x[n, i] * weight[i, k] for i in range(2)) + own[k]
        for i in range(2):
            assert dx[n, i] == sum(dy[n, k] * weight[i, k] for k in range(3))
    for k in range(3):
        for i in range(2):
            assert grads.weight[i, k] == sum(x[n, i] * dy[n, k] for n in range(4))
        if bias:
            assert grads.bias[k] == sum(dy[n, k] for n in range(4))
    assert grads._fields == (("weight", "bias") if bias else ("weight",))


def test_weights_are_drawn_and_biases_begin_at_zero():
    params = layers.dense(5, init=initializers.normal(0.01)).init(rng.key(3), (400,))
    assert params.weight.shape == (400, 5)
    assert 0.009 < params.weight.std() < 0.011
    assert not params.bias.any()


@pytest.mark.parametrize("n", [0, -1, 2.5, "3", True, None])
def test_units_are_a_whole_number_from_1(n):
    with pytest.raises(errors.ConfigError, match=r"expected a whole number ≥ 1"):
        layers.dense(n)
