import numpy as np
import pytest

from fnnet import layers
from fnnet.errors import ConfigError, ShapeError
from tests.kernels.arrays import floats


def test_by_loops():
    x = floats(0, (2, 3, 5, 6))
    y, vjp = layers.crop(((1, 2), (0, 3))).apply((), x)
    dy = floats(1, y.shape)
    dx = vjp(dy)[1]
    assert y.shape == (2, 3, 2, 3)
    for n, c, u, v in np.ndindex(x.shape):
        inside = 1 <= u < 3 and v < 3
        assert dx[n, c, u, v] == (dy[n, c, u - 1, v] if inside else 0)
        assert not inside or y[n, c, u - 1, v] == x[n, c, u, v]
    assert np.shares_memory(x, y)


def test_it_takes_off_what_pad_put_on():
    amounts = (1, (0, 2), (3, 0))
    x = floats(0, (1, 2, 2, 3, 1))
    for mode in ("constant", "replicate"):
        padded, _ = layers.pad(amounts, mode=mode).apply((), x)
        np.testing.assert_array_equal(layers.crop(amounts).apply((), padded)[0], x)


def test_misfits_say_what_is_wrong():
    for size in (2, 3):
        with pytest.raises(
            ShapeError, match=rf"more than the \(\(1, 2\),\) elements that are left out .* \(N, 3, {size}\)"
        ):
            layers.crop(((1, 2),)).shape((3, size))
    with pytest.raises(ShapeError, match=r"with 2 axes behind the channels, got \(N, 3, 9\)"):
        layers.crop((1, 1)).shape((3, 9))
    with pytest.raises(ConfigError, match="amounts: expected a whole number ≥ 0"):
        layers.crop(((1, -2),))
