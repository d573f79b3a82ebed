"""`concatenate`: along any axis but the batch."""

import numpy as np
import pytest

from fnnet import layers, rng
from fnnet.errors import ConfigError, ShapeError


@pytest.mark.parametrize(("axis", "sizes"), [(1, (2, 1, 3)), (2, (2, 2, 2)), (-1, (1, 4, 2)), (-3, (2, 1, 3))])
def test_along_every_axis(axis, sizes):
    shapes = [[2, 2, 2] for _ in sizes]
    for shape, size in zip(shapes, sizes, strict=True):
        shape[axis - 1 if axis > 0 else axis] = size
    x = tuple(rng.normal(rng.key(i), (4, *shape)) for i, shape in enumerate(shapes))
    net = layers.concatenate(axis=axis)
    y, vjp = net.apply((), x)
    np.testing.assert_array_equal(y, np.concatenate(x, axis=axis))
    assert net.shape(tuple(map(tuple, shapes))) == y.shape[1:]
    for part, back in zip(x, vjp(y)[1], strict=True):
        np.testing.assert_array_equal(part, back)


def test_what_is_refused():
    with pytest.raises(ConfigError, match="axis: expected a whole number other than 0, which is the batch"):
        layers.concatenate(axis=0)
    with pytest.raises(ShapeError, match=r"x\[1\]: expected the shape of x\[0\], \(N, 3, 2\), but along axis 1, got"):
        layers.concatenate().shape(((3, 2), (3, 1)))
    with pytest.raises(ShapeError, match="axis 2 beside the batch axis"):
        layers.concatenate(axis=2).shape(((3,), (3,)))
