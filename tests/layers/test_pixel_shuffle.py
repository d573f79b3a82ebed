import numpy as np
import pytest

from fnnet import layers
from fnnet.errors import ConfigError, ShapeError
from tests.kernels.arrays import floats


def test_images_by_loops():
    f, x = 2, floats(0, (2, 8, 3, 2))
    y, vjp = layers.pixel_shuffle(f).apply((), x)
    assert y.shape == (2, 2, 6, 4)
    for n, c, u, v in np.ndindex(y.shape):
        assert y[n, c, u, v] == x[n, c * f * f + (u % f) * f + v % f, u // f, v // f]
    np.testing.assert_array_equal(vjp(y)[1], x)


def test_signals_by_hand():
    x = np.array([[[0.0, 1.0], [10.0, 11.0]]])
    assert layers.pixel_shuffle(2).apply((), x)[0].tolist() == [[[0, 10, 1, 11]]]


@pytest.mark.parametrize("sizes", [(6,), (3, 2), (1, 2, 3)])
@pytest.mark.parametrize("f", [1, 2, 3])
def test_each_is_the_inverse_of_the_other(sizes, f):
    x = floats(0, (2, 3 * f ** len(sizes), *sizes))
    y, vjp = layers.pixel_shuffle(f).apply((), x)
    again, back = layers.pixel_unshuffle(f).apply((), y)
    np.testing.assert_array_equal(again, x)
    np.testing.assert_array_equal(vjp(y)[1], x)
    np.testing.assert_array_equal(back(x)[1], y)


def test_misfits_say_what_is_wrong():
    with pytest.raises(ConfigError, match="factor: expected a whole number ≥ 1, got 0"):
        layers.pixel_shuffle(0)
    with pytest.raises(ConfigError, match="factor: expected a whole number ≥ 1"):
        layers.pixel_unshuffle(1.5)
    with pytest.raises(ShapeError, match=r"\(N, C, …\) with channels that 4 divides, got \(N, 6, 2, 2\)"):
        layers.pixel_shuffle(2).shape((6, 2, 2))
    with pytest.raises(ShapeError, match=r"with axes behind the channels that 2 divides, got \(N, 3, 4, 5\)"):
        layers.pixel_unshuffle(2).shape((3, 4, 5))
    for make in (layers.pixel_shuffle, layers.pixel_unshuffle):
        with pytest.raises(ShapeError, match=r"with axes behind the channels, got \(N, 4\)"):
            make(2).shape((4,))
