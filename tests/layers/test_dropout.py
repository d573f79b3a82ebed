from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings

from fnnet import layers, rng
from fnnet.errors import ConfigError
from tests.kernels.arrays import ORDERS, fractions, laid, orders

KEY = rng.key(3)


def test_evaluation_changes_nothing():
    x = np.ones((2, 3), np.float32)
    y, vjp = layers.dropout(0.5).apply((), x)
    assert y is x
    assert vjp(x)[1] is x


def test_rate_zero_trains_as_itself():
    net = layers.dropout(0)
    assert net.train(KEY) is net


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_drops_that_fraction_and_keeps_the_mean(rate):
    x = np.ones((100, 200), np.float32)
    y, vjp = layers.dropout(rate).train(KEY).apply((), x)
    assert abs((y == 0).mean() - rate) < 0.01
    assert abs(y.mean() - 1) < 0.05
    assert (vjp(x)[1] == y).all()
    assert y.dtype == np.float32


def test_without_rescaling_survivors_keep_their_size():
    y, vjp = layers.dropout(0.5, rescale=False).train(KEY).apply((), np.full((8, 8), 3.0))
    assert set(np.unique(y)) == {0, 3}
    assert set(np.unique(vjp(np.ones((8, 8)))[1])) == {0, 1}


@settings(derandomize=True, deadline=None)
@given(orders, orders)
def test_the_sample_does_not_depend_on_memory_order(x_order, dy_order):
    x = rng.normal(rng.key(0), (3, 2, 4, 5), np.float64)
    net = layers.dropout(0.25).train(KEY)
    y, vjp = net.apply((), laid(x, x_order))
    kept = rng.bernoulli(KEY, 0.75, x.shape)
    np.testing.assert_allclose(y, x * kept / 0.75, rtol=1e-15)
    np.testing.assert_allclose(vjp(laid(x, dy_order))[1], x * kept / 0.75, rtol=1e-15)


@pytest.mark.parametrize("order", ["batch first", "batch last", "channels last"])
def test_memory_order_is_kept(order):
    x = ORDERS[order](np.ones((3, 2, 4, 5)))
    y, vjp = layers.dropout(0.25).train(KEY).apply((), x)
    assert y.strides == x.strides
    assert vjp(x)[1].strides == x.strides


def test_a_fraction_is_exact_on_fractions():
    x = fractions(0, (4, 5))
    y, vjp = layers.dropout(Fraction(1, 3)).train(KEY).apply((), x)
    kept = rng.bernoulli(KEY, 2 / 3, x.shape)
    assert (y == x * kept * Fraction(3, 2)).all()
    assert all(isinstance(v, Fraction) for v in vjp(x)[1].ravel())


def test_keys():
    x = np.ones((4, 50))
    net = layers.dropout(0.5)
    one, again, other = (net.train(rng.key(seed)).apply((), x)[0] for seed in (0, 0, 1))
    assert (one == again).all()
    assert (one != other).any()
    assert (net.train(rng.key(0)).train(rng.key(1)).apply((), x)[0] == one).all()


@pytest.mark.parametrize("rate", [1, -0.1, float("nan"), "half", Fraction(5, 4)])
def test_rate_outside(rate):
    with pytest.raises(ConfigError, match=r"rate: expected a number in \[0, 1\), got"):
        layers.dropout(rate)
