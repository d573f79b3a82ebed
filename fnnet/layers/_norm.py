"""What norms share: which of gain and bias they have, the axes that are normalised together, and the layers."""

import math
import operator
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from fnnet import rng, tree
from fnnet.arguments import flag, real, shown
from fnnet.arrays import in_words
from fnnet.errors import ConfigError, ShapeError, expected
from fnnet.kernels.standard import (
    standard_groups,
    standard_groups_adjoint,
    standard_rows,
    standard_rows_adjoint,
)
from fnnet.layers._params import leaf
from fnnet.layers.layer import unchecked
from fnnet.types import Array, Layer, Params, Pullback, Shape


class Scale(NamedTuple):
    """Which of gain and bias a norm has, and the params that hold them."""

    fields: tuple[str, ...]
    kind: type[Any]

    def init(self, shape: Shape) -> Params:
        """A gain of ones, a bias of zeros."""
        make = {"gain": np.ones, "bias": np.zeros}
        return self.kind(*(make[field](shape, np.float32) for field in self.fields))

    def leaves(self, params: Params, shape: Shape) -> tuple[Array | None, Array | None]:
        """Gain and bias of this shape, None where there is none."""
        gain, bias = (leaf(params, field, shape) if field in self.fields else None for field in ("gain", "bias"))
        return gain, bias


def gain_and_bias(record: str, gain: bool, bias: bool) -> Scale:
    """The params of a norm called so."""
    wanted = {"gain": flag("gain", gain), "bias": flag("bias", bias)}
    fields = tuple(field for field, there in wanted.items() if there)
    return Scale(fields, tree.record(record, fields))


def epsilon(eps: float) -> float:
    """ε > 0, so that what does not vary stays finite."""
    return real("eps", eps, 0, open="(")


class Rows(NamedTuple):
    """How a batch becomes rows: the axes that are kept apart in front, those that are normalised together behind."""

    order: tuple[int, ...]
    inverse: tuple[int, ...]
    together: int

    def of(self, x: Array) -> Array:
        """x as (R, M)."""
        moved = x.transpose(self.order)
        return np.ascontiguousarray(moved).reshape(-1, math.prod(moved.shape[-self.together :]))

    def back(self, rows: Array, like: Array) -> Array:
        """Rows as a batch of the shape of `like`."""
        return rows.reshape([like.shape[axis] for axis in self.order]).transpose(self.inverse)

    def sizes(self, shape: Shape) -> Shape:
        """The sizes of the axes that are normalised together, of a batch or of an example with one in front."""
        return tuple(shape[axis] for axis in self.order[-self.together :])


def rows_along(axes: Any) -> Callable[[int], Rows]:
    """The rows of a batch with so many axes.

    Raises:
        ConfigError: `axes` is no axis of a batch, or several, or among them is 0, the batch.
        ShapeError: of the function: the batch has no such axes, or one of them is named twice.
    """
    try:
        found = tuple(map(operator.index, axes if isinstance(axes, tuple | list) else (axes,)))
    except TypeError:
        found = ()
    if not found or 0 in found or isinstance(axes, bool):
        wanted = "an axis of the batch array or a tuple of them, none of them 0, which is the batch"
        raise ConfigError(expected("axes", wanted, shown(axes)))

    @lru_cache(maxsize=16)
    def rows(ndim: int) -> Rows:
        behind = sorted({axis % ndim for axis in found if -ndim < axis < ndim})
        if len(behind) < len(found) or behind[0] == 0:
            wanted = f"a batch array with the axes {', '.join(map(str, found))} beside that of the batch"
            raise ShapeError(expected("input", wanted, f"one with {ndim} axes"))
        order = (*(axis for axis in range(ndim) if axis not in behind), *behind)
        return Rows(order, tuple(map(order.index, range(ndim))), len(behind))

    return rows


def check_several(values: int, shape: Shape) -> None:
    """Raise unless several values are normalised together; one alone would always become zero."""
    if values == 1:
        raise ShapeError(expected("input", "more than one value to normalise together", f"one, of {in_words(shape)}"))


def norm_of_rows(name: str, axes: int | tuple[int, ...], own: Scale, eps: float, centre: bool) -> Layer:
    """A norm whose gain and bias are those of places along the axes; `rms_norm` is one too."""
    rows_of = rows_along(axes)

    def shape(in_shape: Shape) -> Shape:
        sizes = rows_of(len(in_shape) + 1).sizes((1, *in_shape))
        if centre:
            check_several(math.prod(sizes), in_shape)
        return in_shape

    def init(key: rng.Key, in_shape: Shape) -> Params:
        return own.init(rows_of(len(in_shape) + 1).sizes((1, *in_shape)))

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        rows = rows_of(x.ndim)
        sizes = rows.sizes(x.shape)
        gain, bias = (None if leaf is None else leaf.reshape(-1) for leaf in own.leaves(params, sizes))
        own_rows = rows.of(x)
        y, kept = standard_rows(own_rows, gain, bias, eps, centre)

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            dx, dgain, dbias = standard_rows_adjoint(rows.of(dy), own_rows, kept, gain, centre, input_gradient)
            grads = {"gain": dgain, "bias": dbias}
            return own.kind(*(grads[field].reshape(sizes) for field in own.fields)), None if dx is None else rows.back(
                dx, x
            )

        return rows.back(y, x), vjp

    return unchecked(init, apply, shape=shape, name=name)


def norm_of_groups(name: str, groups: int | None, own: Scale, eps: float) -> Layer:
    """A norm of so many groups of channels, by default of each channel alone; `instance_norm` is one too."""

    def shape(in_shape: Shape) -> Shape:
        if not in_shape or in_shape[0] % (groups or 1):
            wanted = "(N, C, …)" if groups is None else f"(N, C, …) with channels that {groups} groups divide"
            raise ShapeError(expected("input", wanted, in_words(in_shape)))
        check_several(math.prod(in_shape) // (groups or in_shape[0]), in_shape)
        return in_shape

    def init(key: rng.Key, in_shape: Shape) -> Params:
        return own.init(in_shape[:1])

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        parts = groups or x.shape[1]
        gain, bias = own.leaves(params, x.shape[1:2])
        y, kept = standard_groups(x, parts, gain, bias, eps)

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            dx, dgain, dbias = standard_groups_adjoint(dy, x, kept, parts, gain, input_gradient)
            grads = {"gain": dgain, "bias": dbias}
            return own.kind(*(grads[field] for field in own.fields)), dx

        return y, vjp

    return unchecked(init, apply, shape=shape, name=name)
