"""Whole examples: what is drawn, and what becomes of a residual."""

import numpy as np
import pytest

from fnnet import layers, rng
from fnnet.errors import ConfigError
from tests.kernels.arrays import ORDERS

KEY = rng.key(3)


@pytest.mark.parametrize("shape", [(1000,), (1000, 3), (500, 2, 2, 2)])
def test_an_example_lives_or_dies_as_a_whole(shape):
    x = np.ones(shape, np.float32)
    y, vjp = layers.drop_path(0.5).train(KEY).apply((), x)
    kept = rng.bernoulli(KEY, 0.5, shape[:1]).reshape(-1, *(1,) * (len(shape) - 1))
    np.testing.assert_array_equal(y, np.broadcast_to(kept * 2, shape))
    np.testing.assert_array_equal(vjp(x)[1], y)
    assert abs(kept.mean() - 0.5) < 0.07


def test_a_dropped_example_takes_the_shortcut():
    """And sends no gradient into the body."""
    net = layers.residual(layers.serial(layers.dense(3), layers.drop_path(0.5, rescale=False)))
    params = net.init(rng.key(0), (3,))
    x, dy = rng.normal(rng.key(1), (8, 3)), np.ones((8, 3), np.float32)
    trained = net.train(KEY)
    y, vjp = trained.apply(params, x)
    dropped = (y == x).all(axis=1)
    assert 0 < dropped.sum() < 8
    dparams, dx = vjp(dy)
    whole, _ = net.apply(params, x)
    np.testing.assert_allclose(y[~dropped], whole[~dropped], rtol=1e-6)
    np.testing.assert_array_equal(dx[dropped], dy[dropped])
    np.testing.assert_allclose(dparams.body.dense_0.weight, x[~dropped].T @ dy[~dropped], rtol=1e-5)


@pytest.mark.parametrize("order", ["batch first", "batch last", "channels last"])
def test_memory_order_is_kept(order):
    x = ORDERS[order](np.ones((3, 2, 4, 5)))
    y, vjp = layers.drop_path(0.5).train(KEY).apply((), x)
    assert y.strides == vjp(x)[1].strides == x.strides


def test_rates():
    with pytest.raises(ConfigError, match=r"rate: expected a number in \[0, 1\), got -0.5"):
        layers.drop_path(-0.5)
    net = layers.drop_path(0)
    assert net.train(KEY) is net
