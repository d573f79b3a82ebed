"""Trees of arrays: parameters, gradients, updates and optimizer states.

A tree is built of NamedTuples, tuples, lists and dicts (optree walks them); everything else is a leaf. Three things
that are not plain leaves matter throughout:

- `Running(array)`: remembered, not trained (batch norm's statistics);
- `Frozen(leaf)`: held as it is;
- a hole, `None`: nothing here, as in the updates of a leaf that does not move.

Paths join the names of fields, indices and keys with dots, just as one would write the access in Python:

>>> net = record("Net", ("dense_0", "batch_norm_0"))
>>> params = net({"weight": np.ones((2, 3))}, (Running(np.zeros(3)),))
>>> paths(params)
['dense_0.weight', 'batch_norm_0.0']
"""

import builtins
from collections import namedtuple
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs
import numpy as np
import optree
from numpy.typing import DTypeLike

from fnnet.arguments import is_function, plain_array, shown
from fnnet.errors import ConfigError, DtypeError, StructureError, expected
from fnnet.renamed import renamed

Tree: TypeAlias = Any  # nodes and leaves; which fields and keys a node has, no type can say
Leaf: TypeAlias = Any  # what stands in one place of a tree: an array, a number, a mark around it, a hole


@attrs.frozen(eq=False)
class Running:
    """A leaf that is remembered, not trained: what `vjp` returns in its place is its successor."""

    array: np.ndarray

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.array, dtype=dtype, copy=copy)


@attrs.frozen(eq=False)
class Frozen:
    """A leaf that is held: no gradient, no update. It wraps an array, or a marked leaf that `hold` found."""

    leaf: Leaf

    @property
    def array(self) -> np.ndarray:
        """The array inside, whatever the marks around it."""
        inside: np.ndarray = array(self.leaf)
        return inside

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.array, dtype=dtype, copy=copy)


def array(leaf: Leaf) -> Leaf:
    """The array of a leaf, without its marks.

    >>> array(Frozen(Running(np.zeros(2))))
    array([0., 0.])
    """
    return leaf.array if isinstance(leaf, _MARKS) else leaf


_MARKS = Running, Frozen  # `Running | Frozen` would be made anew for every leaf


def record(name: str, fields: tuple[str, ...]) -> type[Tree]:
    """The NamedTuple type with this name and these fields: the same type for the same words, so trees compare equal.

    Its values can be pickled and copied although the type has no module-level name; a slice keeps its names.

    >>> triple = record("Triple", ("a", "b", "c"))(1, 2, 3)
    >>> triple, triple[1:]
    (Triple(a=1, b=2, c=3), Triple(b=2, c=3))
    """
    kind = _RECORDS.get((name, fields))
    return kind or _RECORDS.setdefault((name, fields), _record(name, fields))  # one type, whichever thread comes first


Rebuilding: TypeAlias = tuple[Callable[..., Tree], tuple[str, tuple[str, ...], tuple[Tree, ...]]]  # what pickle keeps

_RECORDS: dict[tuple[str, tuple[str, ...]], type[Tree]] = {}


def _record(name: str, fields: tuple[str, ...]) -> type[Tree]:
    def reduce(self: Tree) -> Rebuilding:
        return _rebuild, (name, fields, tuple(self))

    def item(self: Any, where: Any) -> Any:
        found = tuple.__getitem__(self, where)
        return record(name, fields[where])(*found) if isinstance(where, slice) else found

    own = {"__slots__": (), "__reduce__": reduce, "__getitem__": item}
    return type(name, (namedtuple(name, fields),), own)


def _rebuild(name: str, fields: tuple[str, ...], values: tuple[Tree, ...]) -> Tree:
    return read_only(record(name, fields)(*values))  # what was pickled or copied is read-only again


def map(f: Callable[..., Leaf], *trees: Tree, running: bool = False) -> Tree:
    """Apply `f` to the trained leaves that stand in the same place of all trees.

    A place where any tree has a marked leaf or a hole becomes a hole. With `running=True`, `f` is also applied inside
    `Running` leaves and its result marked `Running` again; frozen leaves still become holes.

    Raises:
        StructureError: the trees do not match; the message names the first place where they differ.

    >>> map(np.add, (np.ones(2), Running(np.ones(1)), None), (np.ones(2), None, None))
    (array([2., 2.]), None, None)
    >>> map(np.negative, (np.ones(1), Running(np.ones(1))), running=True)
    (array([-1.]), Running(array=array([-1.])))
    """
    if not is_function(f):
        raise ConfigError(expected("map", "a function of leaves", shown(f), "the order is (f, tree, …)"))

    def at(*leaves: Leaf) -> Leaf:
        wrap = False
        for leaf in leaves:
            if leaf is None or isinstance(leaf, Frozen):
                return None
            if isinstance(leaf, Running):
                if not running:
                    return None
                wrap = True
        if not wrap:
            return f(*leaves)
        return Running(f(*(array(leaf) for leaf in leaves)))

    return zip_leaves(at, *trees)


def zip_leaves(f: Callable[..., Leaf], *trees: Tree) -> Tree:
    """Apply `f` to all leaves in the same place, marked leaves and holes too, as they are.

    Raises:
        StructureError: the trees do not match; the message names the first place where they differ.

    >>> zip_leaves(lambda a, b: a or b, (None, 2), (1, None))
    (1, 2)
    """
    found, spec = optree.tree_flatten(trees[0], none_is_leaf=True)
    columns = [found]
    for other in trees[1:]:
        found, own = optree.tree_flatten(other, none_is_leaf=True)
        if own != spec:
            match(trees[0], other)
        columns.append(found)
    return spec.unflatten(builtins.map(f, *columns))


def match(tree: Tree, other: Tree, names: tuple[str, str] = ("first tree", "other tree")) -> None:
    """Do nothing if two trees have leaves in the same places, else name the first place where they differ.

    Raises:
        StructureError: at the first difference in the walk through both trees.

    >>> match({"weight": 1}, {"weight": 2})
    >>> match((1, (2, 3)), (1, 2))
    Traceback (most recent call last):
    fnnet.errors.StructureError: trees differ at 1: first tree has tuple of 2, other tree has a leaf (int)
    """
    if optree.tree_structure(tree, none_is_leaf=True) != optree.tree_structure(other, none_is_leaf=True):
        place, this, that = _difference(tree, other, ())
        where = ".".join(place) or "the top"
        raise StructureError(f"trees differ at {where}: {names[0]} has {this}, {names[1]} has {that}")


def _difference(tree: Tree, other: Tree, place: tuple[str, ...]) -> tuple[tuple[str, ...], str, str]:
    """The first place where two trees differ, and what each has there."""
    these, this = _children(tree)
    those, that = _children(other)
    if this != that:
        return place, this, that
    for (name, child), (_, twin) in zip(these, those, strict=True):
        if optree.tree_structure(child, none_is_leaf=True) != optree.tree_structure(twin, none_is_leaf=True):
            return _difference(child, twin, (*place, name))
    return place, f"{this} of type {type(tree).__name__}", f"{that} of type {type(other).__name__}"


def _children(tree: Tree) -> tuple[list[tuple[str, Tree]], str]:
    """Named children and a description of the node, or no children and the kind of leaf."""
    if optree.is_namedtuple(tree):
        return list(zip(tree._fields, tree, strict=True)), f"{type(tree).__name__}({', '.join(tree._fields)})"
    if isinstance(tree, tuple | list):
        return [(str(i), child) for i, child in enumerate(tree)], f"{type(tree).__name__} of {len(tree)}"
    if isinstance(tree, dict):
        return [(str(k), tree[k]) for k in sorted(tree)], f"dict({', '.join(str(k) for k in sorted(tree))})"
    return [], f"a leaf ({type(tree).__name__})"


def items(tree: Tree, holes: bool = False) -> list[tuple[str, Leaf]]:
    """Every leaf with its path, marked leaves as they are; holes (None) only if asked for.

    >>> items({"b": 1, "a": (2, None)})
    [('a.0', 2), ('b', 1)]
    >>> items((1, None), holes=True)
    [('0', 1), ('1', None)]
    """
    accessors, found, _ = optree.tree_flatten_with_accessor(tree, none_is_leaf=holes)
    return [(_path(accessor), leaf) for accessor, leaf in zip(accessors, found, strict=True)]


def _path(accessor: optree.PyTreeAccessor) -> str:
    return ".".join(str(getattr(step, "field", step.entry)) for step in accessor)


def leaves(tree: Tree) -> list[Leaf]:
    """Every leaf in order, holes left out, marked leaves as they are.

    >>> leaves((1, None, [2]))
    [1, 2]
    """
    return optree.tree_leaves(tree)


def paths(tree: Tree) -> list[str]:
    """The path of every leaf, in the order of `leaves`.

    >>> paths({"dense_0": {"weight": 1, "bias": 2}})
    ['dense_0.bias', 'dense_0.weight']
    """
    return [path for path, _ in items(tree)]


def map_with_path(f: Callable[[str, Leaf], Leaf], tree: Tree) -> Tree:
    """Apply `f(path, leaf)` to every leaf, marked leaves and holes too, as they are.

    >>> map_with_path(lambda path, leaf: f"{path}={leaf}", {"a": (1, 2)})
    {'a': ('a.0=1', 'a.1=2')}
    """
    spec = optree.tree_structure(tree, none_is_leaf=True)
    return optree.tree_unflatten(spec, [f(path, leaf) for path, leaf in items(tree, holes=True)])


@attrs.frozen(repr=False)
class Structure:
    """The shape of a tree: its nodes, and what stands in each place. Equal structures can be mapped together."""

    spec: optree.PyTreeSpec
    kinds: tuple[str, ...]

    def __repr__(self) -> str:
        return repr(optree.tree_unflatten(self.spec, [_Word(kind) for kind in self.kinds]))


class _Word(str):
    def __repr__(self) -> str:
        return str(self)


def structure(tree: Tree) -> Structure:
    """The structure of a tree, marks and holes shown.

    >>> structure({"weight": np.ones(2), "mean": Running(np.ones(1)), "bias": None})
    {'weight': leaf, 'mean': running, 'bias': hole}
    """
    found, spec = optree.tree_flatten(tree, none_is_leaf=True)
    return Structure(spec, tuple(_kind(leaf) for leaf in found))


def _kind(leaf: Leaf) -> str:
    if leaf is None:
        return "hole"
    if isinstance(leaf, Running):
        return "running"
    return f"frozen {_kind(leaf.leaf)}" if isinstance(leaf, Frozen) else "leaf"


def hold(params: Tree) -> Tree:
    """Mark every leaf as frozen, statistics too; `release` undoes it exactly.

    >>> hold((np.ones(1),))
    (Frozen(leaf=array([1.])),)
    """
    return zip_leaves(lambda leaf: None if leaf is None else Frozen(_held(leaf)), params)


def release(params: Tree) -> Tree:
    """Take one mark of `hold` off every frozen leaf; other leaves stay as they are.

    >>> release(hold((np.ones(1),)))
    (array([1.]),)
    """
    return zip_leaves(lambda leaf: leaf.leaf if isinstance(leaf, Frozen) else _held(leaf), params)


def _held(leaf: Leaf) -> Leaf:
    """The leaf itself, unless it is a net or an optimizer in the place of params."""
    if hasattr(leaf, "recipe"):
        fix = "pass its params; layers.frozen(net) is the net without training"
        raise StructureError(expected("params", "a tree of arrays", f"a {type(leaf).__name__}", fix))
    return leaf


def read_only(tree: Tree) -> Tree:
    """The same tree with read-only C-contiguous arrays; one that somebody could still write to is copied.

    >>> read_only((np.ones(1),))[0].flags.writeable
    False
    """
    return map_arrays(_read_only, tree)


def seal(tree: Tree) -> Tree:
    """Make the arrays of a tree that the caller itself has just made read-only; only views are copied."""
    return map_arrays(_sealed, tree)


def cast(tree: Tree, dtype: DTypeLike) -> Tree:
    """The same tree in another dtype: trained, running and frozen leaves alike, read-only.

    >>> cast((np.ones(1, np.float32), Running(np.ones(1, np.float32))), np.float64)[1].array.dtype
    dtype('float64')
    """
    try:
        dtype = np.dtype(dtype)
    except TypeError:
        fix = "the order is (tree, dtype)"
        raise DtypeError(expected("dtype", "one such as np.float32", shown(dtype), fix)) from None
    with np.errstate(under="ignore"):  # what a narrower dtype cannot tell from 0
        return seal(map_arrays(lambda leaf: leaf.astype(dtype), tree))


def map_arrays(f: Callable[[np.ndarray], np.ndarray], tree: Tree) -> Tree:
    """Apply `f` to every array, inside the marks too; whatever is no array stays as it is.

    Raises:
        DtypeError: an array is not plain.

    >>> map_arrays(np.negative, (np.ones(1), Running(np.ones(1)), None))
    (array([-1.]), Running(array=array([-1.])), None)
    """

    def at(leaf: Leaf) -> Leaf:
        if isinstance(leaf, np.ndarray):
            return f(plain_array("leaf", leaf))
        if isinstance(leaf, Running):
            inner = at(leaf.array)
            return leaf if inner is leaf.array else Running(inner)
        if isinstance(leaf, Frozen):
            inner = at(leaf.leaf)
            return leaf if inner is leaf.leaf else Frozen(inner)
        return leaf

    return zip_leaves(at, tree)


def _settled(leaf: np.ndarray) -> bool:
    """Whether nobody can write to this memory any more."""
    while not leaf.flags.writeable:
        if leaf.flags.owndata:
            return True
        if not isinstance(leaf.base, np.ndarray):
            return False
        leaf = leaf.base
    return False


def _read_only(leaf: np.ndarray) -> np.ndarray:
    return leaf if leaf.flags.c_contiguous and _settled(leaf) else locked(np.array(leaf, order="C"))


def _sealed(leaf: np.ndarray) -> np.ndarray:
    return locked(leaf) if leaf.flags.owndata and leaf.flags.c_contiguous else _read_only(leaf)


def locked(array: np.ndarray) -> np.ndarray:
    """The same array, read-only; for one that the caller itself has just made."""
    array.flags.writeable = False
    return array


def check_same(params: Tree, other: Tree, names: tuple[str, str]) -> None:
    """Do nothing if every array of `other` has the shape and dtype of the leaf of `params` in its place.

    Raises:
        StructureError: names the first leaf that differs.

    >>> check_same({"bias": np.ones(3)}, {"bias": np.ones(2)}, ("params", "gradient"))
    Traceback (most recent call last):
    fnnet.errors.StructureError: bias: params have (3,) float64, gradient has (2,) float64
    """
    match(params, other, names)
    for i, (leaf, twin) in enumerate(zip(_places(params), _places(other), strict=True)):
        if leaf is not None and twin is not None and _form(leaf) != _form(twin):
            path, _ = items(params, holes=True)[i]
            raise StructureError(f"{path}: {names[0]} have {_spelled(leaf)}, {names[1]} has {_spelled(twin)}")


def _places(tree: Tree) -> list[Leaf]:
    return optree.tree_leaves(tree, none_is_leaf=True)


def _form(leaf: Leaf) -> tuple[tuple[int, ...], np.dtype] | type:
    leaf = array(leaf)
    return (leaf.shape, leaf.dtype) if isinstance(leaf, np.ndarray) else type(leaf)


def _spelled(leaf: Leaf) -> str:
    leaf = array(leaf)
    return f"{leaf.shape} {leaf.dtype}" if isinstance(leaf, np.ndarray) else f"a {type(leaf).__name__}"


if not TYPE_CHECKING:
    __getattr__ = renamed(__name__, {"freeze": "fnnet.tree.read_only", "slots": "fnnet.tree.items"})
