"""Whole channels: what is drawn, by whom, and errors."""

from fractions import Fraction

import numpy as np
import pytest

from fnnet import layers, rng
from fnnet.errors import ConfigError, ShapeError
from tests.kernels.arrays import ORDERS

KEY = rng.key(3)


@pytest.mark.parametrize("shape", [(40, 50, 3), (40, 50, 2, 3), (10, 20, 2, 1, 3)])
def test_a_channel_of_an_example_lives_or_dies_as_a_whole(shape):
    x = np.ones(shape)
    y, vjp = layers.spatial_dropout(0.25).train(KEY).apply((), x)
    kept = rng.bernoulli(KEY, 0.75, shape[:2]).reshape(*shape[:2], *(1,) * (len(shape) - 2))
    np.testing.assert_array_equal(y, np.broadcast_to(kept / 0.75, shape))
    np.testing.assert_array_equal(vjp(x)[1], y)
    assert abs(kept.mean() - 0.75) < 0.05


def test_without_rescaling_and_exactly():
    x = np.array([[[Fraction(1, 3)] * 2] * 8], object)
    whole = layers.spatial_dropout(Fraction(1, 3)).train(KEY).apply((), x)[0]
    assert set(whole.flat) == {0, Fraction(1, 2)}
    assert set(layers.spatial_dropout(Fraction(1, 3), rescale=False).train(KEY).apply((), x)[0].flat) == {
        0,
        Fraction(1, 3),
    }


@pytest.mark.parametrize("order", ["batch first", "batch last", "channels last"])
def test_memory_order_is_kept_and_does_not_change_the_sample(order):
    x = rng.normal(rng.key(0), (3, 2, 4, 5))
    net = layers.spatial_dropout(0.5).train(KEY)
    y, vjp = net.apply((), ORDERS[order](x))
    assert y.strides == vjp(ORDERS[order](x))[1].strides == ORDERS[order](x).strides
    np.testing.assert_array_equal(y, net.apply((), x)[0])


def test_errors():
    with pytest.raises(ConfigError, match=r"rate: expected a number in \[0, 1\), got 1.0"):
        layers.spatial_dropout(1)
    message = r"expected \(N, C, …\), positions behind the channels, got \(N, 4\); dropout\(rate\) leaves out single"
    with pytest.raises(ShapeError, match=message):
        layers.spatial_dropout(0.5).shape((4,))
    net = layers.spatial_dropout(0)
    assert net.train(KEY) is net
