"""`add`: sums, and what it does not add."""

import numpy as np
import pytest

from fnnet import layers, rng
from fnnet.errors import DtypeError, ShapeError
from fnnet.types import Discrete

A, B, C = (rng.normal(rng.key(i), (2, 3)) for i in range(3))


def test_all_parts_add_up():
    y, vjp = layers.add().apply((), (A, B, C))
    np.testing.assert_array_equal(y, A + B + C)
    dy = rng.normal(rng.key(9), (2, 3))
    assert all((part == dy).all() for part in vjp(dy)[1])
    assert layers.add().apply((), (A,))[0] is A


@pytest.mark.parametrize(
    ("shape", "error", "message"),
    [
        ((3,), ShapeError, "add: x: expected a tuple of arrays, got one array"),
        (((3,), (1,)), ShapeError, r"add: x\[1\]: expected the shape of x\[0\], \(N, 3\), got \(N, 1\)"),
        (((3,), Discrete((3,))), DtypeError, r"x\[1\]: expected floats, got whole numbers; cast with x\[1\].astype"),
        (((3,), ((3,), (3,))), ShapeError, r"x\[1\]: expected one array, got a tuple of 2"),
    ],
)
@pytest.mark.parametrize("layer", [layers.add(), layers.multiply(), layers.concatenate(), layers.stack()])
def test_nothing_is_broadcast(layer, shape, error, message):
    if layer.name in ("concatenate", "stack") and shape == ((3,), (1,)):
        return
    with pytest.raises(error, match=message.replace("add:", f"{layer.name}:")):
        layer.shape(shape)
