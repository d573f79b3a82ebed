"""`take`: chosen channels, or places along another axis."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnnet.arguments import whole
from fnnet.errors import ConfigError, ShapeError, expected
from fnnet.layers._axis import example_axis, has_axis
from fnnet.layers._params import no_params
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape


@factory
def take(indices: Sequence[int], *, axis: int = 1) -> Layer:
    """Choose places along an axis, in any order; one may be chosen several times.

        yᵢ = x_{kᵢ},    dx_k = Σ over the i with kᵢ = k of dyᵢ

    Args:
        indices: k, from 0.
        axis: of the arrays (N, …), so 1 for channels or features; negative ones count from the last.

    Shapes: x (N, …), y with as many places along the axis as there are indices.

    Raises:
        ConfigError: no indices, a negative one, or axis 0, which counts examples.
        ShapeError: x has no such axis, or too few places along it.

    >>> take([2, 0, 1]).shape((3, 8, 8)), take([0, 0], axis=-1).shape((3, 8))
    ((3, 8, 8), (3, 2))
    """
    axis = example_axis(axis)
    if not isinstance(indices, tuple | list | np.ndarray) or not len(indices):
        raise ConfigError(expected("indices", "whole numbers ≥ 0, at least one", repr(indices)))
    chosen = tuple(whole(f"indices[{i}]", k, 0) for i, k in enumerate(indices))
    if type(indices) is not tuple:
        return take(chosen, axis=axis)
    once = len(set(chosen)) == len(chosen)

    def shape(in_shape: Shape) -> Shape:
        at = axis % (len(has_axis(in_shape, axis)) + 1) - 1
        if max(chosen) >= in_shape[at]:
            raise ShapeError(expected(f"axis {at + 1} of x", f"more than {max(chosen)} places", in_shape[at]))
        return (*in_shape[:at], len(chosen), *in_shape[at + 1 :])

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        like: Shape = x.shape
        where: Any = (*[slice(None)] * (axis % x.ndim), list(chosen))

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            if not input_gradient:
                return (), None
            dx = np.zeros(like, dy.dtype)
            if once:
                dx[where] = dy
            else:
                np.add.at(dx, where, dy)
            return (), dx

        return x[where], vjp

    return unchecked(no_params, apply, shape=shape, name="take")
