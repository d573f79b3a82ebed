"""It keeps mean 0 and variance 1, and nothing else of dropped elements."""

import numpy as np
import pytest

from fnnet import layers, rng
from fnnet.errors import ConfigError
from tests.kernels.arrays import ORDERS

KEY = rng.key(3)
LOW = -1.0507009873554805 * 1.6732632423543772


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.8])
def test_keeps_mean_and_variance(rate):
    x = rng.normal(rng.key(0), (400, 500), np.float64)
    y, _ = layers.alpha_dropout(rate).train(KEY).apply((), x)
    assert abs(y.mean()) < 0.02
    assert abs(y.var() - 1) < 0.03


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_against_the_formula(dtype):
    """As in PyTorch's source: a = ((1 - p)(1 + p α′²))^-½, b = -a α′ p."""
    x, dy = (rng.normal(rng.key(seed), (5, 6), dtype) for seed in (0, 1))
    y, vjp = layers.alpha_dropout(0.3).train(KEY).apply((), x)
    kept = rng.bernoulli(KEY, 0.7, x.shape)
    a = 1 / np.sqrt(0.7 * (1 + 0.3 * LOW**2))
    want = np.where(kept, a * x, a * LOW) - a * LOW * 0.3
    np.testing.assert_allclose(y, want, rtol=16 * np.finfo(dtype).eps, atol=4 * np.finfo(dtype).eps)
    np.testing.assert_allclose(vjp(dy)[1], a * kept * dy, rtol=4 * np.finfo(dtype).eps)
    assert y.dtype == dtype


@pytest.mark.parametrize("order", ["batch first", "batch last", "channels last"])
def test_memory_order_is_kept_and_does_not_change_the_sample(order):
    x = rng.normal(rng.key(0), (3, 2, 4, 5))
    net = layers.alpha_dropout(0.25).train(KEY)
    y, vjp = net.apply((), ORDERS[order](x))
    assert y.strides == vjp(ORDERS[order](x))[1].strides == ORDERS[order](x).strides
    np.testing.assert_array_equal(y, net.apply((), x)[0])


def test_evaluation_and_rates():
    net = layers.alpha_dropout(0.0)
    assert net.train(KEY) is net
    x = np.ones((2, 3))
    assert layers.alpha_dropout(0.5).apply((), x)[0] is x
    with pytest.raises(ConfigError, match=r"rate: expected a number in \[0, 1\), got 1.0"):
        layers.alpha_dropout(1.0)
