"""`take`: places along an axis."""

import numpy as np
import pytest

from fnnet import layers
from fnnet.errors import ConfigError, ShapeError


def test_value_and_gradient_are_those_of_loops():
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    y, vjp = layers.take([2, 0, 2]).apply((), x)
    dy = np.random.default_rng(1).normal(size=y.shape)
    dx = np.zeros_like(x)
    for i, k in enumerate((2, 0, 2)):
        np.testing.assert_array_equal(y[:, i], x[:, k])
        dx[:, k] += dy[:, i]
    np.testing.assert_allclose(vjp(dy)[1], dx, rtol=1e-15)


@pytest.mark.parametrize("indices", [[], [-1], [0.5], "01", 3, [True]])
def test_what_are_no_indices_is_refused(indices):
    with pytest.raises(ConfigError, match="indices"):
        layers.take(indices)


def test_misfits_say_what_is_missing():
    with pytest.raises(ConfigError, match="axis"):
        layers.take([0], axis=0)
    with pytest.raises(ShapeError, match=r"axis 1 of x: expected more than 3 places, got 3"):
        layers.take([0, 3]).shape((3, 8))
    with pytest.raises(ShapeError, match="axis"):
        layers.take([0], axis=3).shape((3,))


def test_an_array_of_indices_becomes_numbers():
    assert layers.take(np.array([1, 0])) == layers.take((1, 0)) == layers.take([1, 0])
