"""Trees as rows: `[path, word]` or `[path, word, value]` for every node and leaf, and back."""

import keyword
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import optree

from fnnet import tree
from fnnet.arguments import is_plain
from fnnet.checkpoint.file import DTYPES, MAX_AXES
from fnnet.errors import CheckpointError, FnnetError, expected
from fnnet.rng import Key
from fnnet.tree import Frozen, Running
from fnnet.types import Array

Row: TypeAlias = list[Any]  # of JSON

_MAX_BITS = 1024  # of a Python int
_RENAMED = {"Trace(velocity)": "Momentum(velocity)"}  # nodes of older files, and what they are called now
_NUMBERS = {bool: "bool", int: "int", float: "float", str: "str"}


def rows_of(whole: Any) -> tuple[list[list[Any]], dict[str, Array]]:
    """A row for every node and leaf, and the arrays by path.

    Raises:
        CheckpointError: a leaf that cannot be saved, or two with one path.
    """
    rows, arrays, seen = [], {}, set()
    for path, node in _walk(whole):
        if path in seen:
            if not path:  # that of the whole tree
                raise CheckpointError(expected("tree", "keys with at least one letter", "''", "rename it"))
            raise CheckpointError(expected(path, "one leaf or node with this path", "two", "rename one"))
        seen.add(path)
        row, array = _row(path, node)
        rows.append(row)
        if array is not None:
            arrays[path] = array
    if "__metadata__" in arrays:
        raise CheckpointError(expected("__metadata__", "another name, this one is taken", "an array"))
    return rows, arrays


class _Node(str):
    """The words for an inner node."""


def _walk(whole: Any) -> Iterator[tuple[str, Any]]:
    """Every inner node (as its words) and every leaf with its path, nodes first."""
    leaves = iter(optree.tree_leaves(whole, none_is_leaf=True))

    def within(spec: Any, place: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        path = ".".join(place)
        if spec.is_leaf():
            yield path, next(leaves)
            return
        names = [str(name) for name in getattr(spec.type, "_fields", spec.entries())]
        kind = spec.type.__name__
        listed = issubclass(spec.type, tuple | list) and not hasattr(spec.type, "_fields")
        yield path, _Node(f"{kind} of {len(names)}" if listed else f"{kind}({', '.join(names)})")
        for name, child in zip(names, spec.children(), strict=True):
            yield from within(child, (*place, name))

    return within(optree.tree_structure(whole, none_is_leaf=True), ())


def _row(path: str, leaf: Any) -> tuple[list[Any], Array | None]:
    if isinstance(leaf, _Node):
        return [path, str(leaf)], None
    if isinstance(leaf, Running):
        (_, word, *value), array = _row(path, leaf.array)
        return [path, f"running {word}", *value], array
    if isinstance(leaf, Frozen):
        (_, word, *value), array = _row(path, leaf.leaf)
        return [path, f"frozen {word}", *value], array
    if leaf is None:
        return [path, "hole"], None
    if isinstance(leaf, Key):
        return [path, "key", [leaf.seed, list(leaf.path)]], None
    if type(leaf) is int and leaf.bit_length() > _MAX_BITS:
        wanted = f"a whole number of at most {_MAX_BITS} bits"
        raise CheckpointError(expected(path or "tree", wanted, f"one of {leaf.bit_length()}"))
    if type(leaf) in _NUMBERS:
        return [path, _NUMBERS[type(leaf)], _word_of(leaf)], None
    if isinstance(leaf, np.ndarray) and not is_plain(leaf):
        masked = isinstance(leaf, np.ma.MaskedArray)
        fix = "its mask would be lost: save leaf.filled(…)" if masked else "cast with np.asarray(leaf)"
        raise CheckpointError(expected(path or "tree", "a plain array", f"a {type(leaf).__name__}", fix))
    if is_plain(leaf):
        if leaf.dtype not in DTYPES.values():
            wanted = "float64, float32, float16, complex64, integers or booleans"
            raise CheckpointError(expected(path, wanted, leaf.dtype, "cast it"))
        if leaf.ndim > MAX_AXES:
            raise CheckpointError(expected(path, f"at most {MAX_AXES} axes", leaf.ndim))
        return [path, "array"], leaf
    wanted = "an array, a Python number or string, a Key or None"
    fix = "use leaf.item() or np.asarray(leaf)" if isinstance(leaf, np.generic) else ""
    raise CheckpointError(expected(path or "tree", wanted, f"a {type(leaf).__name__}", fix))


def _word_of(number: Any) -> Any:
    """JSON has no infinities and NaN: they are written as words."""
    return repr(number) if isinstance(number, float) and not math.isfinite(number) else number


def described(row: Row, array: Array | None) -> str:
    """A row in words."""
    _, word, *value = row
    if array is not None:
        return f"{word} {array.shape} {array.dtype}"
    return f"{word} {value[0]}" if value else str(word)


def fitted(found: Sequence[Row], arrays: Mapping[str, Array], like: Any) -> Any:
    """What a file holds, in the structure of `like`.

    Raises:
        CheckpointError: they do not fit; the message names the first leaf or node that differs.
    """
    try:
        rows, wanted = rows_of(like)
    except CheckpointError as error:
        raise CheckpointError(f"like: {error}") from None
    for row, saved in zip(rows, found, strict=False):
        path = row[0]
        words = described(row[:2], wanted.get(path))
        saved_words = described(saved[:2], arrays.get(path))
        if saved[0] != path or words not in (saved_words, _RENAMED.get(saved_words)):
            got = saved_words if saved[0] == path else f"{saved[0]} in its place"
            raise CheckpointError(expected(path or "the top", words, got, "load it into what it was saved from"))
    if len(rows) != len(found):
        raise CheckpointError(expected("tree", f"{len(rows)} rows", len(found)))
    values = {row[0]: row[2] for row in found if len(row) > 2}
    return tree.map_with_path(lambda path, leaf: _restored(leaf, arrays.get(path), values.get(path)), like)


def _restored(leaf: Any, array: Array | None, value: Any) -> Any:
    if isinstance(leaf, Running):
        return Running(_restored(leaf.array, array, value))
    if isinstance(leaf, Frozen):
        return Frozen(_restored(leaf.leaf, array, value))
    if isinstance(leaf, Key):
        return Key(value[0], value[1])
    return array if isinstance(leaf, np.ndarray) else float(value) if isinstance(leaf, float) else value


def rebuilt(found: Sequence[Row], arrays: Mapping[str, Array]) -> Any:
    """The tree that rows tell of: dicts, lists, tuples, and records by the names of their fields.

    Raises:
        CheckpointError: a node is of another kind, or its children are not those that it names.
    """
    left = iter(found)

    def next_at(path: str) -> Any:
        row = next(left, None)
        if row is None or row[0] != path:
            raise CheckpointError(expected(path or "the top", "a row of its own", row and repr(row[0])[:80]))
        word = row[1]
        *marks, kind = word.split(" ")
        if kind in ("array", "hole", *_VALUES):
            value: Any = arrays.get(path) if kind == "array" else _valued(kind, row[2]) if len(row) > 2 else None
            for mark in reversed(marks):
                value = Running(value) if mark == "running" else Frozen(value)
            return value
        if listed := re.fullmatch(r"(tuple|list) of (\d{1,7})", word):
            inside = (next_at(f"{path}.{i}" if path else str(i)) for i in range(int(listed[2])))
            return tuple(inside) if listed[1] == "tuple" else list(inside)
        if named := re.fullmatch(r"(\w+)\((.*)\)", word, re.DOTALL):
            names = named[2].split(", ") if named[2] else []
            values = [next_at(f"{path}.{name}" if path else name) for name in names]
            if named[1] == "dict":
                return dict(zip(names, values, strict=True))
            if all(map(str.isidentifier, (named[1], *names))) and not any(map(keyword.iskeyword, names)):
                return tree.record(named[1], tuple(names))(*values)
        raise CheckpointError(expected(path or "the top", "a dict, a list, a tuple or a record", repr(word)[:80]))

    whole = next_at("")
    if (row := next(left, None)) is not None:
        raise CheckpointError(expected("tree", "no more rows", repr(row[0])[:80]))
    return whole


def _valued(kind: str, value: Any) -> Any:
    return Key(value[0], value[1]) if kind == "key" else float(value) if kind == "float" else value


def check_rows(rows: Any) -> None:
    """Raise unless this is what a tree can be as rows.

    Raises:
        CheckpointError: it is not; the message names the first row that is none.
    """
    if not isinstance(rows, list):
        raise CheckpointError(expected("tree", "a list of rows", repr(rows)[:80]))
    for row in rows:
        if not _is_row(row):
            raise CheckpointError(expected("tree", "rows of path, word and value", repr(row)[:80]))
    paths = sorted(row[0] for row in rows)
    twice = next((path for path, other in pairwise(paths) if path == other), None)
    if twice is not None:
        raise CheckpointError(expected("tree", "every path once", f"{twice!r} twice"))


def _is_row(row: Any) -> bool:
    if not isinstance(row, list) or len(row) not in (2, 3) or not all(isinstance(word, str) for word in row[:2]):
        return False
    *marks, kind = row[1].split(" ")
    if kind in ("array", "hole", *_VALUES) and not set(marks) <= {"running", "frozen"}:
        return False
    return len(row) == 3 and _VALUES[kind](row[2]) if kind in _VALUES else len(row) == 2


def is_array(word: str) -> bool:
    """Whether a row of this word stands for an array."""
    return word.split(" ")[-1] == "array"


def _is_float(value: Any) -> bool:
    return type(value) is float or value in ("inf", "-inf", "nan")


def _is_key(value: Any) -> bool:
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[1], list):
        return False
    try:
        Key(value[0], value[1])
    except FnnetError:
        return False
    return True


_VALUES: dict[str, Callable[[Any], bool]] = {
    "bool": lambda value: type(value) is bool,
    "int": lambda value: type(value) is int,
    "float": _is_float,
    "str": lambda value: isinstance(value, str),
    "key": _is_key,
}
