"""Leaves of params, gradients and states side by side: what may stand where, and the error that names the leaf.

| params | gradient, update | state |
|---|---|---|
| array | array of this shape and dtype, or a hole | array of this shape and dtype |
| `Running` | `Running`, its successor, or a hole | hole |
| `Frozen` | `Frozen` or a hole | hole |
| hole | hole | hole |
"""

from functools import cached_property, lru_cache
from typing import Any, TypeAlias, TypeGuard

import attrs
import numpy as np
import optree

from fnnet import tree
from fnnet.arguments import is_plain, plain_array
from fnnet.errors import DtypeError, StructureError, expected
from fnnet.kernels.finite import all_finite
from fnnet.types import Array, Params, Shape, check_whole

Leaves: TypeAlias = list[Any]
Form: TypeAlias = tuple[Shape, np.dtype]
Forms: TypeAlias = tuple[Form | None, ...]


@attrs.frozen(eq=False)
class Layout:
    """A tree of params and its leaves in order, marked leaves and holes too, and the forms of those that are arrays."""

    tree: Params
    leaves: Leaves
    spec: Any
    forms: Forms

    @cached_property
    def paths(self) -> list[str]:
        """The path of every leaf."""
        return _paths(self.spec)

    def path(self, i: int) -> str:
        """The path of leaf i."""
        return self.paths[i]

    def like(self, leaves: Leaves) -> Any:
        """A tree of this structure with other leaves."""
        return optree.tree_unflatten(self.spec, leaves)

    def beside(self, other: Any, name: str) -> Leaves:
        """What another tree has in the places of the leaves.

        Raises:
            StructureError: it has no such places; the message names the first where they differ.
        """
        try:
            return self.spec.flatten_up_to(other)  # a quarter of the time that flattening and comparing takes
        except ValueError:
            tree.match(self.tree, other, ("params", name))
            raise


def lay_out(params: Params) -> Layout:
    """Lay out params."""
    leaves, spec = optree.tree_flatten(params, none_is_leaf=True)
    return Layout(params, leaves, spec, forms_of(leaves))


def forms_of(leaves: Leaves) -> Forms:
    """Shape and dtype of every array among leaves, None for all else."""
    return tuple([(leaf.shape, leaf.dtype) if is_plain(leaf) else None for leaf in leaves])


@lru_cache(maxsize=64)
def _paths(spec: Any) -> list[str]:
    return [path for path, _ in tree.items(optree.tree_unflatten(spec, range(spec.num_leaves)))]


def is_trained(leaf: Any) -> TypeGuard[Array]:
    """Whether this leaf of params is for an optimizer to move, or this update moves one."""
    return is_plain(leaf)


def check_trainable(params: Layout) -> None:
    """Raise unless every leaf is marked, a hole, or an array that can be trained."""
    check_whole(params.tree)
    for i, leaf in enumerate(params.leaves):
        if leaf is None or isinstance(leaf, tree.Running | tree.Frozen):
            continue
        _check_plain(leaf, f"params.{params.path(i)}")
        if not (is_trained(leaf) and leaf.dtype.kind in "fcO"):
            fix = "cast all with tree.cast(params, np.float32)"
            where = f"params.{params.path(i)}" if params.path(i) else "params"
            raise DtypeError(expected(where, "an array of a floating dtype", _words(leaf), fix))


def gradients_beside(grads: Params, params: Layout, name: str = "gradient") -> Leaves:
    """Arrays where params are trained, read-only successors where they run, holes elsewhere.

    Raises:
        StructureError: structure, mark, shape or dtype differ; names the leaf.
    """
    gs = params.beside(grads, name)
    for i, (wanted, found) in enumerate(zip(params.forms, forms_of(gs), strict=True)):
        p, g = params.leaves[i], gs[i]
        if g is None or (found == wanted and found is not None):
            continue
        if isinstance(g, np.generic):  # what NumPy's arithmetic makes of arrays without axes
            gs[i] = g = np.asarray(g)
        if is_trained(p):
            fits = _twin(p, g)
        elif isinstance(p, tree.Running):
            fits = isinstance(g, tree.Running) and _twin(p.array, g.array)
            gs[i] = tree.read_only(g)
        else:
            fits = isinstance(p, tree.Frozen) and isinstance(g, tree.Frozen)
            gs[i] = None
        if not fits:
            raise _differ(params, i, g, grads, name)
    return gs


def state_beside(values: Any, params: Layout, name: str) -> Leaves:
    """The leaves of one tree of a state: arrays where params are trained, holes elsewhere.

    Raises:
        StructureError: structure, shape or dtype differ, or params are now marked otherwise; names the leaf.
    """
    leaves = params.beside(values, name)
    for i, (wanted, found) in enumerate(zip(params.forms, forms_of(leaves), strict=True)):
        if found != wanted or (found is None and leaves[i] is not None):
            raise _differ(params, i, leaves[i], values, name)
    return leaves


def _twin(p: Any, other: Any) -> bool:
    """Whether both are arrays of one shape and dtype."""
    return is_plain(other) and is_plain(p) and other.shape == p.shape and other.dtype == p.dtype


def _differ(params: Layout, i: int, other: Any, others: Any, name: str) -> StructureError:
    tree.match(params.tree, others, ("params", name))  # what stands there may be no leaf at all
    where = params.path(i) or "the top"
    _check_plain(params.leaves[i], f"params: {where}")
    _check_plain(other, f"{name}: {where}")
    return StructureError(f"{where}: params have {_words(params.leaves[i])}, {name} has {_words(other)}")


def _check_plain(leaf: Any, where: str) -> None:
    """Raise where a leaf is an array that is not plain."""
    inside = tree.array(leaf)
    if isinstance(inside, np.ndarray):
        plain_array(where, inside)


def _words(leaf: Any) -> str:
    if leaf is None:
        return "a hole"
    inside = tree.array(leaf)
    mark = "running " if isinstance(leaf, tree.Running) else "frozen " if isinstance(leaf, tree.Frozen) else ""
    return mark + (f"{inside.shape} {inside.dtype}" if is_trained(inside) else f"a {type(inside).__name__}")


def is_finite_leaf(leaf: Any) -> bool:
    """Whether a leaf holds neither NaN nor infinity; holes and held leaves are not looked at."""
    return leaf is None or isinstance(leaf, tree.Frozen) or all_finite(tree.array(leaf))
