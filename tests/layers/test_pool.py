"""What all pools promise."""

import numpy as np
import pytest

from fnnet import layers
from fnnet.errors import ConfigError, ShapeError
from tests.kernels.arrays import floats, laid

POOLS = [layers.max_pool, layers.avg_pool]


def assert_same(got, want):
    """Exact numbers exactly, floats to rounding: elements of overlapping windows sum in another order."""
    if got.dtype == object:
        assert (got == want).all()
    else:
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "net",
    [
        layers.max_pool(3, 2, padding=1),
        layers.avg_pool(3, 2, padding=1),
        layers.avg_pool(3, 2, padding=1, count_padding=False),
    ],
)
def test_float32_stays_float32(net):
    x = floats(1, (2, 3, 5, 5)).astype(np.float32)
    y, vjp = net.apply((), x)
    assert y.dtype == vjp(y)[1].dtype == np.float32


@pytest.mark.parametrize("layer", POOLS)
def test_dtype_and_memory_order_are_kept(layer):
    x = laid(np.ones((4, 2, 6, 6), np.float32), "batch last")
    y, vjp = layer(2).apply((), x)
    dx = vjp(np.ones(y.shape, np.float32))[1]
    assert y.dtype == dx.dtype == np.float32
    assert y.transpose(1, 2, 3, 0).flags.c_contiguous
    assert dx.strides == x.strides or layer is layers.avg_pool  # which has only dy to go by


@pytest.mark.parametrize("layer", POOLS)
def test_bad_options_and_misfits(layer):
    with pytest.raises(ConfigError, match="kernel: expected a whole number ≥ 1, got 0"):
        layer(0)
    with pytest.raises(ConfigError, match="stride: expected a whole number ≥ 1, got 0"):
        layer(2, stride=0)
    with pytest.raises(ConfigError, match="padding: expected a whole number ≥ 0, got -1"):
        layer(2, padding=-1)
    with pytest.raises(ConfigError, match=r"padding: expected less than the kernel \(2, 2\), got \(0, 2\)"):
        layer(2, padding=(0, 2))
    with pytest.raises(ConfigError, match=r"padding: expected less than the kernel \(2, 3\), got \(2, 0\)"):
        layer((2, 3), padding=(2, 0))
    with pytest.raises(ConfigError, match="padding: expected a whole number ≥ 0 or a pair of them, got 'same'"):
        layer(2, padding="same")
    with pytest.raises(ShapeError, match=r"kernel: expected at most the image \(1, 5\), got \(2, 2\)"):
        layer(2).apply((), np.ones((3, 2, 1, 5)))
    with pytest.raises(ShapeError, match=r"expected images \(N, C, H, W\), got \(N, 4\)"):
        layer(2).shape((4,))
