"""Noise of the key, in every order and dtype the same."""

import numpy as np
import pytest

from fnnet import layers, rng
from fnnet.errors import ConfigError
from tests.kernels.arrays import ORDERS

KEY = rng.key(3)


def test_adds_normal_numbers_and_passes_the_gradient():
    x, dy = (rng.normal(rng.key(seed), (5, 6), np.float64) for seed in (0, 1))
    y, vjp = layers.gaussian_noise(0.5).train(KEY).apply((), x)
    np.testing.assert_array_equal(y, x + 0.5 * rng.normal(KEY, x.shape, np.float64))
    assert vjp(dy)[1] is dy


def test_float32_gets_the_same_noise_rounded():
    net = layers.gaussian_noise(2.0).train(KEY)
    narrow, wide = (net.apply((), np.zeros((4, 3), dtype))[0] for dtype in (np.float32, np.float64))
    np.testing.assert_array_equal(narrow, wide.astype(np.float32))


@pytest.mark.parametrize("order", ["batch first", "batch last", "channels last"])
def test_memory_order_is_kept_and_does_not_change_the_sample(order):
    x = rng.normal(rng.key(0), (3, 2, 4, 5))
    net = layers.gaussian_noise(0.25).train(KEY)
    y, _ = net.apply((), ORDERS[order](x))
    assert y.strides == ORDERS[order](x).strides
    np.testing.assert_array_equal(y, net.apply((), x)[0])


def test_evaluation_and_deviations():
    net = layers.gaussian_noise(0)
    assert net.train(KEY) is net
    x = np.ones((2, 3))
    assert layers.gaussian_noise(1).apply((), x)[0] is x
    for std in (-1, np.inf, "much"):
        with pytest.raises(ConfigError, match=r"std: expected a number in \[0, inf\], got"):
            layers.gaussian_noise(std)
