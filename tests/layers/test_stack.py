"""`stack`: a new axis."""

import numpy as np
import pytest

from fnnet import layers, rng
from fnnet.errors import ConfigError, ShapeError


@pytest.mark.parametrize("axis", [1, 2, 3, -1, -2, -3])
def test_at_every_place(axis):
    x = tuple(rng.normal(rng.key(i), (4, 2, 3)) for i in range(5))
    net = layers.stack(axis=axis)
    y, vjp = net.apply((), x)
    np.testing.assert_array_equal(y, np.stack(x, axis=axis))
    assert net.shape(((2, 3),) * 5) == y.shape[1:]
    for part, back in zip(x, vjp(y)[1], strict=True):
        np.testing.assert_array_equal(part, back)


def test_what_is_refused():
    with pytest.raises(ConfigError, match="axis: expected a whole number other than 0"):
        layers.stack(axis=0)
    with pytest.raises(ShapeError, match="axis: expected one of y's axes 1 to 2, got 3"):
        layers.stack(axis=3).shape(((2,), (2,)))
    with pytest.raises(ShapeError, match="axis: expected one of y's axes 1 to 2, got -3"):
        layers.stack(axis=-3).shape(((2,), (2,)))
