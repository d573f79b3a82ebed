"""What layers with weights share: the check that a leaf is an array; and what layers without share."""

import numpy as np

from fnnet import rng, tree
from fnnet.arguments import is_plain, shown
from fnnet.errors import ArgumentError, ConfigError, FnnetError, ShapeError, StructureError, expected
from fnnet.initializers import Initializer
from fnnet.types import Array, Params, Shape


def no_params(key: rng.Key, shape: Shape) -> Params:
    """`init` of a layer that has nothing to learn."""
    return ()


def initialised(init: Initializer, key: rng.Key, shape: Shape) -> Array:
    """The weight of this shape that an initializer makes.

    Raises:
        ConfigError: it makes something else, or it is a factory that was not called.
    """
    try:
        weight = init(key, shape)
    except TypeError as error:
        fault: Exception = error
        if isinstance(fault, FnnetError) and not isinstance(fault, ArgumentError):
            raise
        fix = "call the factory, as in he_normal()"
        raise ConfigError(expected("init", "a function (key, shape) -> array", f"{init!r}: {error}", fix)) from error
    if not is_plain(weight) or weight.shape != shape or weight.dtype != np.float32:
        raise ConfigError(expected("what init makes", f"an array {shape} float32", shown(weight)))
    return weight


def leaf(params: Params, field: str, shape: Shape | None = None) -> Array:
    """The array in one trained field of a layer's params.

    Raises:
        StructureError: the field is missing or holds something else.
        ShapeError: the array has another shape, which arithmetic might broadcast.
    """
    found = getattr(params, field, None)
    if not isinstance(found, np.ndarray):
        raise _misfit(field, "a trained array", found)
    return _shaped(found, field, shape)


def running(params: Params, field: str, shape: Shape) -> Array:
    """The array in one remembered field of a layer's params; it raises what `leaf` raises."""
    found = getattr(params, field, None)
    if not (isinstance(found, tree.Running) and isinstance(found.array, np.ndarray)):
        raise _misfit(field, "a Running array", found)
    return _shaped(found.array, field, shape)


def _misfit(field: str, wanted: str, found: object) -> StructureError:
    if isinstance(found, tree.Frozen):
        fix = "wrap the layer in layers.frozen, or use tree.release(params)"
        return StructureError(expected(field, wanted, "a frozen one", fix))
    got = "no such field" if found is None else type(found).__name__
    return StructureError(expected(field, wanted, got, "make params with this layer's init"))


def _shaped(found: Array, field: str, shape: Shape | None) -> Array:
    if shape is not None and found.shape != shape:
        raise ShapeError(expected(field, shape, found.shape, "make params with this layer's init"))
    return found
