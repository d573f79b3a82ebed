"""`add`: the sum of the parts of a tuple."""

from functools import reduce

import numpy as np

from fnnet.layers._params import no_params
from fnnet.layers._tuple import equal_parts
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback


@factory
def add() -> Layer:
    """y = x₁ + x₂ + …,  dxᵢ = dy: arrays of one shape; nothing is broadcast.

    Raises:
        ShapeError: x is no tuple of arrays of one shape.

    >>> y, vjp = add().apply((), (np.float32([[1, 2]]), np.float32([[10, 20]])))
    >>> y
    array([[11., 22.]], dtype=float32)
    """

    def apply(params: Params, x: tuple[Array, ...]) -> tuple[Array, Pullback]:
        n = len(x)

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, tuple[Array, ...]]:
            return (), (dy,) * n

        return reduce(np.add, x), vjp

    return unchecked(no_params, apply, shape=equal_parts, name="add", takes="anything")
