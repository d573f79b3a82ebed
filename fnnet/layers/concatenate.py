"""`concatenate`: the parts of a tuple one behind the other."""

from itertools import accumulate, pairwise

import numpy as np

from fnnet.arrays import Shape, in_words
from fnnet.errors import ShapeError, expected
from fnnet.layers._axis import example_axis, has_axis
from fnnet.layers._params import no_params
from fnnet.layers._tuple import float_parts
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback


@factory
def concatenate(axis: int = 1) -> Layer:
    """y = [x₁ x₂ …] along an axis,  dxᵢ the slice of dy where xᵢ lies.

    Args:
        axis: of the arrays (N, …), so 1 for channels or features; negative ones count from the last.

    Raises:
        ConfigError: axis 0, which counts examples.
        ShapeError: x is no tuple of arrays whose shapes are equal but along the axis.

    >>> concatenate().shape(((3, 8, 8), (5, 8, 8)))
    (8, 8, 8)
    """
    axis = example_axis(axis)

    def shape(shapes: tuple[Shape, ...]) -> Shape:
        first, *others = float_parts(shapes)
        at = axis % (len(has_axis(first, axis)) + 1) - 1
        rest = (*first[:at], *first[at + 1 :])
        for i, other in enumerate(others, start=1):
            if len(other) != len(first) or (*other[:at], *other[at + 1 :]) != rest:
                wanted = f"the shape of x[0], {in_words(first)}, but along axis {at + 1}"
                raise ShapeError(expected(f"x[{i}]", wanted, in_words(other)))
        return (*first[:at], sum(part[at] for part in shapes), *first[at + 1 :])

    def apply(params: Params, x: tuple[Array, ...]) -> tuple[Array, Pullback]:
        at = axis % x[0].ndim
        cuts = list(accumulate((part.shape[at] for part in x), initial=0))

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, tuple[Array, ...]]:
            before = (slice(None),) * at
            return (), tuple(dy[(*before, slice(a, b))] for a, b in pairwise(cuts))

        return np.concatenate(x, axis=at), vjp

    return unchecked(no_params, apply, shape=shape, name="concatenate", takes="anything")
