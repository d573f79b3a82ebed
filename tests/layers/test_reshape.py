"""Reshape: what is left is counted."""

from fnnet import layers
from tests.kernels.arrays import floats


def test_reshape_counts_what_is_left():
    y, vjp = layers.reshape((2, -1, 5)).apply((), floats(0, (3, 40)))
    assert y.shape == (3, 2, 4, 5)
    assert vjp(y)[1].shape == (3, 40)
    assert layers.reshape((8, 5)).shape((2, 4, 5)) == (8, 5)
    assert layers.reshape((1, -1)).shape((2, 4, 5)) == (1, 40)
