"""What `weight_norm` and `spectral_norm` share: the weight of a layer, and its rows, one for each output."""

import math
from typing import Any

import numpy as np

from fnnet import tree
from fnnet.arguments import whole
from fnnet.errors import ConfigError, expected
from fnnet.types import Array, Params


def output_axis(axis: object) -> int | None:
    """An axis of a weight, or None for the one that is the outputs' by convention."""
    return None if axis is None else whole("axis", axis, 0)


def outputs_axis(weight: Array, axis: int | None) -> int:
    """The axis of the outputs: as asked for; by default of a matrix the last, of a kernel the first."""
    if axis is not None:
        return axis
    return 1 if weight.ndim == 2 else 0


def checked_weight(params: Params, axis: int | None, what: str) -> Array:
    """The weight among params just made, if it has rows to normalise.

    Raises:
        ConfigError: there is none, it does not have the axis, or one of its rows is zero.
    """
    weight = getattr(params, "weight", None)
    if not (isinstance(weight, np.ndarray) and weight.ndim >= 2 and hasattr(params, "_fields")):
        got = f"the fields {', '.join(params._fields)}" if getattr(params, "_fields", ()) else "none"
        fix = "wrap the layers inside one by one" if hasattr(params, "_fields") and params._fields else ""
        raise ConfigError(expected(what, "a layer with a weight of two axes or more", got, fix))
    if axis is not None and axis >= weight.ndim:
        raise ConfigError(expected(f"{what}: axis", f"one of the weight's, below {weight.ndim}", axis))
    if not output_rows(weight, outputs_axis(weight, axis)).any(axis=1).all():
        raise ConfigError(expected(what, "weights that are not all zero for any output", "zeros", "see init"))
    return weight


def output_rows(weight: Array, axis: int) -> Array:
    """(O, everything else), a view where memory allows."""
    return np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], math.prod(weight.shape) // weight.shape[axis])


def across(v: Array, weight: Array, axis: int) -> Array:
    """v (O,) in the shape that multiplies every row of a weight by its own number."""
    return v.reshape([-1 if i == axis else 1 for i in range(weight.ndim)])


def with_fields(params: Params, field: str, fields: dict[str, Any]) -> Params:
    """The same record with other fields in the place of one."""
    found: dict[str, Any] = {}
    for name, leaf in zip(params._fields, params, strict=True):
        found |= fields if name == field else {name: leaf}
    return tree.record(type(params).__name__, tuple(found))(*found.values())


def zero_if_none(x: Array) -> Array:
    """1 / x, and 0 where x is 0."""
    return np.divide(1, x, out=np.zeros_like(x), where=x != 0)
