"""What goes into a net and comes out: an array, or nested plain tuples of arrays with one first axis.

A cotangent of such a structure has the same structure, with a hole (`None`) for every array of whole numbers or
booleans, by which nothing can be differentiated. What a layer needs to know of it before it sees any is its `Shape`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias, Union

import attrs
import numpy as np

from fnnet.arguments import plain_array, shown, whole
from fnnet.errors import ConfigError, DataError, DtypeError, ShapeError, expected

Array: TypeAlias = np.ndarray
Arrays: TypeAlias = Any  # an array (N, …), or nested tuples of such
Cotangent: TypeAlias = Any  # like the arrays it belongs to, None in the place of those that are discrete
Shape: TypeAlias = tuple[int, ...]  # of ONE example of one array of floats, no batch axis
Shapes: TypeAlias = Union[Shape, "Discrete", tuple["Shapes", ...]]  # of one example of arrays, see `shape_of`


def _plain(shape: Any) -> Shape:
    return plain_shape(shape)


@attrs.frozen
class Discrete:
    """The shape of one example of whole numbers or booleans: of ids, lengths, masks.

    Args:
        shape: without the batch axis, as for floats.

    >>> Discrete([5]), Discrete((5,)) == (5,)
    (Discrete((5,)), False)
    """

    shape: Shape = attrs.field(converter=_plain)

    def __repr__(self) -> str:
        return f"Discrete({self.shape})"


def example_shape(shape: Any) -> Shapes:
    """The shape of one example, brought to tuples of Python ints ≥ 1, or a ShapeError.

    A tuple of ints is that of floats, `Discrete` that of whole numbers; a tuple of shapes belongs to a tuple of arrays.

    >>> example_shape([1, 28, 28]), example_shape(((28, 28), Discrete(())))
    ((1, 28, 28), ((28, 28), Discrete(())))
    """
    if type(shape) is Discrete:
        return shape
    if isinstance(shape, tuple | list) and any(isinstance(part, tuple | list | Discrete) for part in shape):
        return tuple(map(example_shape, shape))
    return plain_shape(shape)


def plain_shape(shape: Any) -> Shape:
    """The shape of one example of a single array as a tuple of Python ints ≥ 1, or a ShapeError."""
    try:
        return tuple(whole("axis", axis, 1) for axis in shape)
    except (TypeError, ConfigError):
        wanted = "a tuple of whole numbers ≥ 1 such as (1, 28, 28), no batch axis"
        fix = "pass x.shape[1:]" if isinstance(shape, np.ndarray) else ""
        raise ShapeError(expected("shape", wanted, shown(shape), fix)) from None


def is_tuple(shape: Shapes) -> bool:
    """Whether a shape belongs to a tuple of arrays.

    >>> is_tuple((3, 4)), is_tuple(()), is_tuple(((3,), Discrete(())))
    (False, False, True)
    """
    return type(shape) is tuple and bool(shape) and type(shape[0]) is not int


def is_floats(shape: Shapes) -> bool:
    """Whether a shape belongs to one array of floats."""
    return type(shape) is tuple and (not shape or type(shape[0]) is int)


def is_discrete(array: Array) -> bool:
    """Whether an array holds whole numbers or booleans.

    >>> is_discrete(np.arange(3)), is_discrete(np.ones(3))
    (True, False)
    """
    return array.dtype.kind in "biu"


def shape_of(x: Arrays) -> Shapes:
    """The shape of one example of x.

    >>> shape_of((np.zeros((2, 5)), np.zeros(2, int)))
    ((5,), Discrete(()))
    """
    if type(x) is tuple:
        return tuple(map(shape_of, x))
    return Discrete(x.shape[1:]) if x.dtype.kind in "biu" else x.shape[1:]


def channels_last(shape: Shape) -> bool:
    """Whether the shape of one picture can only be (H, W, C): many rows and columns, and then one to four channels.

    >>> channels_last((32, 32, 3)), channels_last((28, 28, 1)), channels_last((3, 32, 32)), channels_last((16, 100, 1))
    (True, True, False, False)
    """
    if len(shape) != 3 or min(shape[:2]) < 8:
        return False
    return shape[2] in (3, 4) or (shape[2] == 1 and shape[0] == shape[1])


def in_words(shape: Shape) -> str:
    """The shape of a batch of such examples.

    >>> in_words((3, 8)), in_words(())
    ('(N, 3, 8)', '(N,)')
    """
    return f"(N, {', '.join(map(str, shape))})" if shape else "(N,)"


def places(x: Arrays, path: str) -> Iterator[tuple[str, Any]]:
    """Every array (or hole) with its place in words.

    >>> [place for place, _ in places((np.ones(1), (np.ones(1), None)), "x")]
    ['x[0]', 'x[1][0]', 'x[1][1]']
    """
    if type(x) is tuple:
        for i, part in enumerate(x):
            yield from places(part, f"{path}[{i}]")
    else:
        yield path, x


def flat(x: Arrays) -> list[Any]:
    """All arrays of a structure in their order, holes too."""
    return [leaf for _, leaf in places(x, "")]


def each(f: Callable[..., Any], x: Arrays, *others: Any) -> Any:
    """The structure of `f(array, …)`, array by array; others have x's structure.

    >>> each(lambda a, n: a * n, (np.ones(1), (np.ones(1),)), (2, (3,)))
    (array([2.]), (array([3.]),))
    """
    if type(x) is tuple:
        return tuple(each(f, *parts) for parts in zip(x, *others, strict=True))
    return f(x, *others)


def count(x: Arrays) -> int:
    """The number of examples of a structure that has been looked at."""
    while type(x) is tuple:
        x = x[0]
    return len(x)


def rows(x: Arrays, index: Any) -> Arrays:
    """The examples at an index of the first axis: a slice gives views, numbers or booleans copies. Holes stay.

    >>> rows((np.arange(4), np.arange(4.0)), slice(1, 2))
    (array([1]), array([1.]))
    """
    return each(lambda array: None if array is None else array[index], x)


def is_stored(value: object) -> bool:
    """Whether something is no array, but gives arrays for rows: that of an HDF5 or zarr file, or a reader of one's own.

    It has a shape and a dtype, and can be indexed by a slice and by an array of row numbers. What pandas has is indexed
    by labels, so it is none.
    """
    if isinstance(value, np.ndarray | np.generic) or hasattr(value, "iloc"):
        return False
    return all(hasattr(value, name) for name in ("shape", "dtype", "__getitem__"))


def read_rows(x: Any, index: Any) -> Arrays:
    """`rows` of what may lie in a file: in memory, read in the order in which they are stored, each once.

    Args:
        x: arrays, mapped ones, or what `is_stored` calls so.
        index: a slice, or an array of numbers ≥ 0.

    Raises:
        DataError: what is stored gives something else than it says.
    """
    return each(lambda of: of[index] if type(of) is np.ndarray else _read(of, index), x)


def _read(of: Any, index: Any) -> Array:
    if isinstance(index, slice):
        found, n = np.asarray(of[index]), len(range(*index.indices(of.shape[0])))
    else:
        numbers, back = np.unique(index, return_inverse=True)
        found, n = np.asarray(of[numbers]), len(numbers)
    if found.shape != (n, *of.shape[1:]):
        wanted = f"{(n, *of.shape[1:])}, as its own shape says"
        raise DataError(expected(f"{n} rows of a {type(of).__name__}", wanted, found.shape))
    return found if isinstance(index, slice) else found[back]


def concatenated(parts: Sequence[Arrays]) -> Arrays:
    """Structures one behind the other along their first axes."""
    return each(lambda *arrays: np.concatenate(arrays), *parts)


def zeros(shape: Any, n: int, dtype: Any) -> Arrays:
    """n examples of zeros of a shape, whole numbers as int64."""
    if type(shape) is Discrete:
        return np.zeros((n, *shape.shape), np.int64)
    return tuple(zeros(part, n, dtype) for part in shape) if is_tuple(shape) else np.zeros((n, *shape), dtype)


# Cotangents


class Blank(NamedTuple):
    """What a cotangent of zeros needs to know of an array."""

    shape: Shape
    dtype: np.dtype[Any]


def blank(y: Arrays) -> Any:
    """What `gathered` needs to know of y, without keeping y."""
    return each(lambda array: Blank(array.shape, array.dtype), y)


def zero_cotangent(y: Arrays) -> Cotangent:
    """The cotangent of y that moves nothing: zeros, and holes for whole numbers.

    >>> zero_cotangent((np.ones(2), np.arange(2)))
    (array([0., 0.]), None)
    """
    return gathered(blank(y), [])


def plus(a: Cotangent, b: Cotangent) -> Cotangent:
    """The sum of two cotangents of one structure, holes where they have holes.

    >>> plus((np.ones(2), None), (np.ones(2), None))
    (array([2., 2.]), None)
    """
    if type(a) is tuple:
        return tuple(map(plus, a, b))
    return None if a is None else a + b


def gathered(of: Any, shares: Sequence[tuple[tuple[int, ...], Cotangent]]) -> Cotangent:
    """The cotangent of arrays several parts of which were read: what came back for each part adds up.

    Args:
        of: `blank(y)` of what was read.
        shares: (where in y, what came back for that part), such as `((1,), dy1)`. Parts that nobody read get zeros.

    >>> gathered(blank((np.ones(2), np.ones(1))), [((0,), np.ones(2)), ((), (np.ones(2), np.zeros(1)))])
    (array([2., 2.]), array([0.]))
    """
    if not isinstance(of, Blank):
        return tuple(
            gathered(part, [(path[1:], dy) if path else ((), dy[i]) for path, dy in shares if not path or path[0] == i])
            for i, part in enumerate(of)
        )
    if of.dtype.kind in "biu":
        return None
    if not shares:
        return np.zeros(*of)
    total = shares[0][1]
    for _, dy in shares[1:]:
        total = total + dy
    return total


# Checks


def check_arrays(what: str, x: object, cast: str = "np.asarray(…)") -> None:
    """Raise unless x is a plain array, or nested plain tuples of such, with N ≥ 1 examples each and no empty axis."""
    if type(x) is not tuple:
        array = plain_array(what, x, cast)
        if array.ndim == 0 or 0 in array.shape:
            raise ShapeError(expected(what, "a batch (N, …) of N ≥ 1 examples, no axis empty", f"shape {array.shape}"))
        return
    if not x:
        raise ShapeError(expected(what, "at least one array", "an empty tuple"))
    n = None
    for place, leaf in places(x, what):
        if isinstance(leaf, tuple):  # a named one
            raise DtypeError(expected(place, "an array, or a plain tuple of arrays", f"a {type(leaf).__name__}"))
        check_arrays(place, leaf, cast)
        n = len(leaf) if n is None else n
        if len(leaf) != n:
            raise ShapeError(expected(place, f"{n} examples, as in what stands before it", f"{len(leaf)}"))


def check_cotangent(what: str, dy: object, y: Arrays, of: str = "y") -> None:
    """Raise unless dy is a cotangent of y: arrays like y's, holes for whole numbers."""
    if type(y) is tuple:
        if type(dy) is not tuple or len(dy) != len(y):
            got = f"a tuple of {len(dy)}" if isinstance(dy, tuple) else shown(dy)
            raise ShapeError(expected(what, f"a tuple of {len(y)}, like {of}", got))
        for i, part in enumerate(y):
            check_cotangent(f"{what}[{i}]", dy[i], part, f"{of}[{i}]")
        return
    if y.dtype.kind in "biu":
        if dy is not None:
            raise DtypeError(expected(what, f"None, as {of} is discrete", shown(dy)))
        return
    array = plain_array(what, dy)
    if array.shape != y.shape:
        raise ShapeError(expected(what, f"{of}'s shape {y.shape}", array.shape))
    if array.dtype != y.dtype:
        raise DtypeError(
            expected(what, f"{of}'s dtype {y.dtype}", array.dtype, f"cast with {what}.astype(np.{y.dtype})")
        )


def length(arrays: object, stored: bool = False) -> int:
    """The one number ≥ 1 of examples of `arrays`, a tuple of structures, or the error that says why there is none.

    Some may be `stored`.
    """
    if not isinstance(arrays, Sequence) or isinstance(arrays, str | bytes):
        fix = "pass (x,) where there is one" if isinstance(arrays, np.ndarray) else ""
        raise DtypeError(expected("arrays", "a tuple of arrays such as (x, y)", type(arrays).__name__, fix))
    if not arrays:
        raise DataError(expected("arrays", "at least one array", "none"))
    first = None
    for i, part in enumerate(arrays):
        for place, array in places(part, f"arrays[{i}]"):
            shape = tuple((array if stored and is_stored(array) else plain_array(place, array)).shape)
            if not shape:
                raise DataError(expected(place, "an array (N, …)", "one without axes"))
            first = (place, int(shape[0])) if first is None else first
            if shape[0] != first[1]:
                raise DataError(expected(place, f"{first[1]} examples, as in {first[0]}", shape[0]))
    if first is None or first[1] == 0:
        raise DataError(expected("arrays", "at least one example", "none"))
    return first[1]


def check_takes(shape: Any, takes: str) -> None:
    """Raise unless a layer that takes "floats", "integers" or "anything" can read examples of this shape."""
    if takes == "anything" or (is_floats(shape) if takes == "floats" else type(shape) is Discrete):
        return
    if is_tuple(shape):
        raise ShapeError(expected("x", "one array", f"a tuple of {len(shape)}", "give each layer the part it reads"))
    if takes == "floats":
        raise DtypeError(expected("x", "floats", "whole numbers", "cast with x.astype(np.float32)"))
    raise DtypeError(expected("x", "whole numbers", "floats", "cast with x.astype(np.int64)"))
