"""Leaves of params, gradients and states side by side: what may stand where, and the error that names the leaf.

| params | gradient or update | state |
|---|---|---|
| array | array of the same shape and dtype, or a hole | array of the same shape and dtype |
| `Running` | `Running`, its successor, or a hole | hole |
| `Frozen` | `Frozen` or a hole | hole |
| hole | hole | hole |
"""

from functools import lru_cache
from typing import Any, TypeGuard

import numpy as np
import optree

from fnnet import tree
from fnnet.errors import DtypeError, StructureError, expected
from fnnet.types import Array, Params


def trained(leaf: Any) -> TypeGuard[Array]:
    """Whether this leaf is moved by an optimizer."""
    return isinstance(leaf, np.ndarray)


def flatten(some: Any) -> tuple[list[Any], Any]:
    """All leaves, marked leaves and holes too, and what puts them together again."""
    return optree.tree_flatten(some, none_is_leaf=True)


@lru_cache(maxsize=64)
def paths(spec: Any) -> tuple[str, ...]:
    """The path of every leaf, holes included."""
    return tuple(path for path, _ in tree.slots(optree.tree_unflatten(spec, range(spec.num_leaves))))


def check_params(params: Params) -> None:
    """Raise unless every leaf is marked, a hole, or an array that can be trained."""
    leaves, spec = flatten(params)
    for i, leaf in enumerate(leaves):
        if not (leaf is None or isinstance(leaf, tree.Running | tree.Frozen)) and not (
            trained(leaf) and leaf.dtype.kind in "fcO"
        ):
            fix = "cast all with tree.cast(params, np.float32)"
            raise DtypeError(expected(f"params: {paths(spec)[i]}", "an array of a floating dtype", _words(leaf), fix))


def received(grads: Params, params: Params, name: str = "gradient") -> list[Any]:
    """The leaves of grads where params are trained, read-only successors where they run, holes elsewhere.

    Raises:
        StructureError: structure, mark, shape or dtype differ; names the first leaf.
    """
    ps, spec = flatten(params)
    gs = _twins(grads, params, spec, name)
    for i, (p, g) in enumerate(zip(ps, gs, strict=True)):
        if trained(p):
            fits = g is None or (trained(g) and _alike(p, g))
        elif isinstance(p, tree.Running):
            fits = g is None or (isinstance(g, tree.Running) and _alike(p.array, g.array))
            if fits and g is not None:
                gs[i] = tree.freeze(g)
        else:
            fits = g is None or (isinstance(p, tree.Frozen) and isinstance(g, tree.Frozen))
            gs[i] = None
        if not fits:
            raise _differ(spec, i, p, g, name)
    return gs


def slots(values: Any, params: Params, name: str) -> list[Any]:
    """The leaves of one tree of a state: arrays like those of params where these are trained, holes elsewhere.

    Raises:
        StructureError: structure, shape or dtype differ, or the state belongs to other marks; names the first leaf.
    """
    ps, spec = flatten(params)
    leaves = _twins(values, params, spec, name)
    for i, (p, s) in enumerate(zip(ps, leaves, strict=True)):
        if not (trained(s) and _alike(p, s) if trained(p) else s is None):
            raise _differ(spec, i, p, s, name)
    return leaves


def _twins(other: Any, params: Params, spec: Any, name: str) -> list[Any]:
    leaves, found = flatten(other)
    if found != spec:
        tree.match(params, other, ("params", name))
    return leaves


def _alike(p: Array, other: Array) -> bool:
    return p.shape == other.shape and p.dtype == other.dtype


def _differ(spec: Any, i: int, p: Any, other: Any, name: str) -> StructureError:
    where = paths(spec)[i] or "the top"
    return StructureError(f"{where}: params have {_words(p)}, {name} has {_words(other)}")


def _words(leaf: Any) -> str:
    if leaf is None:
        return "a hole"
    inside = tree.array(leaf)
    mark = "running " if isinstance(leaf, tree.Running) else "frozen " if isinstance(leaf, tree.Frozen) else ""
    return mark + (f"{inside.shape} {inside.dtype}" if trained(inside) else f"a {type(inside).__name__}")


def locked(array: Array) -> Array:
    """The same array, read-only; only for arrays the caller has just made."""
    array.flags.writeable = False
    return array
