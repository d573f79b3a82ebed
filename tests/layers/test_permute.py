import numpy as np
import pytest

from fnnet import layers
from fnnet.errors import ConfigError, ShapeError


def test_by_loops():
    x = np.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
    y, vjp = layers.permute((3, 1, 2)).apply((), x)
    assert y.shape == (2, 5, 3, 4)
    for n, i, j, k in np.ndindex(y.shape):
        assert y[n, i, j, k] == x[n, j, k, i]
    np.testing.assert_array_equal(vjp(y)[1], x)


def test_transpose_is_the_one_of_two_axes():
    x = np.arange(12.0).reshape(2, 2, 3)
    y, vjp = layers.transpose().apply((), x)
    assert y.tolist() == [[[0, 3], [1, 4], [2, 5]], [[6, 9], [7, 10], [8, 11]]]
    assert vjp(y)[1].tolist() == x.tolist()
    assert y.tolist() == layers.permute((2, 1)).apply((), x)[0].tolist()


def test_it_copies_nothing():
    x = np.zeros((2, 3, 4))
    assert np.shares_memory(layers.transpose().apply((), x)[0], x)


def test_misfits_say_what_is_wrong():
    for axes in ((), (0, 1), (1, 1), (2,), (1, 3), "21", 1, (1.0, 2.0), (-1, 1)):
        with pytest.raises(ConfigError, match=r"axes: expected the numbers 1, 2, … in some order, as in \(2, 1\), got"):
            layers.permute(axes)
    with pytest.raises(ShapeError, match=r"expected examples with 3 axes, got \(N, 2, 2\)"):
        layers.permute((3, 2, 1)).shape((2, 2))
    with pytest.raises(ShapeError, match=r"expected examples with 2 axes, got \(N, 2\)"):
        layers.transpose().shape((2,))
