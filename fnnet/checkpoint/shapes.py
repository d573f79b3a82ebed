"""The shape of one example as JSON: a list of ints for floats, {"discrete": […]} for whole numbers, lists of these."""

from typing import Any

from fnnet.arguments import shown
from fnnet.arrays import Discrete, Shapes, is_tuple
from fnnet.errors import CheckpointError, expected

_DEEPEST = 32


def shape_to_json(shape: Shapes) -> Any:
    """A shape as a file holds it.

    >>> shape_to_json(((3, 4), Discrete(())))
    [[3, 4], {'discrete': []}]
    """
    if isinstance(shape, Discrete):
        return {"discrete": list(shape.shape)}
    return [shape_to_json(part) for part in shape] if is_tuple(shape) else list(shape)  # type: ignore[arg-type]


def shape_from_json(value: Any, depth: int = 0) -> Shapes:
    """The shape that a file holds, looked at before anything is made of it.

    >>> shape_from_json([[3, 4], {"discrete": []}])
    ((3, 4), Discrete(()))
    """
    if isinstance(value, dict) and value.keys() == {"discrete"} and _are_axes(value["discrete"]):
        return Discrete(tuple(value["discrete"]))
    if _are_axes(value):
        return tuple(value)
    if isinstance(value, list) and depth < _DEEPEST and all(isinstance(part, list | dict) for part in value):
        return tuple(shape_from_json(part, depth + 1) for part in value)
    raise CheckpointError(expected("net: shape", "whole numbers from 1, or null", shown(value)[:80]))


def _are_axes(value: Any) -> bool:
    return isinstance(value, list) and all(type(n) is int and 0 < n < 2**31 for n in value)
