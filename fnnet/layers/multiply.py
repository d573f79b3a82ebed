"""`multiply`: the product of the parts of a tuple."""

from functools import reduce

import numpy as np

from fnnet.layers._params import no_params
from fnnet.layers._tuple import equal_parts
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback


@factory
def multiply() -> Layer:
    """y = x₁ x₂ …,  dxᵢ = dy Πⱼ≠ᵢ xⱼ: arrays of one shape; nothing is broadcast.

    The other factors are multiplied anew rather than y divided by xᵢ, which may be zero.

    Raises:
        ShapeError: x is no tuple of arrays of one shape.

    >>> y, vjp = multiply().apply((), (np.float32([[2, 0]]), np.float32([[3, 5]])))
    >>> vjp(np.float32([[1, 1]]))[1]
    (array([[3., 5.]], dtype=float32), array([[2., 0.]], dtype=float32))
    """

    def apply(params: Params, x: tuple[Array, ...]) -> tuple[Array, Pullback]:
        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, tuple[Array, ...]]:
            return (), tuple(reduce(np.multiply, (*x[:i], *x[i + 1 :]), dy) for i in range(len(x)))

        return reduce(np.multiply, x), vjp

    return unchecked(no_params, apply, shape=equal_parts, name="multiply", takes="anything")
