"""`stack`: the parts of a tuple along a new axis."""

import numpy as np

from fnnet.arrays import Shape
from fnnet.errors import ShapeError, expected
from fnnet.layers._axis import example_axis
from fnnet.layers._params import no_params
from fnnet.layers._tuple import equal_parts
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback


@factory
def stack(axis: int = 1) -> Layer:
    """y holds x₁, x₂, … along a new axis,  dxᵢ = dy at i of it.

    Args:
        axis: the new one of y (N, …), so 1 puts it in front of an example's axes; negative ones count from the last.

    Raises:
        ConfigError: axis 0, which counts examples.
        ShapeError: x is no tuple of arrays of one shape.

    >>> stack().shape(((5, 4), (5, 4), (5, 4)))
    (3, 5, 4)
    """
    axis = example_axis(axis)

    def shape(shapes: tuple[Shape, ...]) -> Shape:
        one = equal_parts(shapes)
        at = axis - 1 if axis > 0 else len(one) + 1 + axis
        if not 0 <= at <= len(one):
            raise ShapeError(expected("axis", f"one of y's axes 1 to {len(one) + 1}", axis))
        return (*one[:at], len(shapes), *one[at:])

    def apply(params: Params, x: tuple[Array, ...]) -> tuple[Array, Pullback]:
        n = len(x)

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, tuple[Array, ...]]:
            own = np.moveaxis(dy, axis, 0)
            return (), tuple(own[i] for i in range(n))

        return np.stack(x, axis=axis), vjp

    return unchecked(no_params, apply, shape=shape, name="stack", takes="anything")
