"""What layers that read sequences (N, T, …) share: how long each is, and which steps count."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnnet.arrays import Discrete, Shape, Shapes, in_words, is_floats, is_tuple
from fnnet.errors import DataError, DtypeError, ShapeError, expected
from fnnet.types import Array

LENGTHS = Discrete(())  # of one example: a whole number


def with_lengths(shapes: Shapes) -> tuple[Any, bool]:
    """The shape of xs in the shape of xs or (xs, lengths), and whether there are lengths.

    >>> with_lengths(((5, 3), Discrete(())))
    ((5, 3), True)
    """
    if is_tuple(shapes):
        if len(shapes) == 2 and shapes[1] == LENGTHS:  # type: ignore[arg-type, index]
            return shapes[0], True  # type: ignore[index]
        wanted = "xs (N, T, …), or (xs, lengths) with whole numbers (N,)"
        raise ShapeError(expected("x", wanted, f"a tuple of examples {shapes}"))
    return shapes, False


def steps(shapes: Shapes, what: str = "xs") -> int:
    """T of sequences of such a shape, the same in all parts of a tuple.

    Raises:
        ShapeError: a part has no steps, or another number of them.
    """
    found = None
    for place, shape in _parts(shapes, what):
        own = shape.shape if isinstance(shape, Discrete) else shape
        if not own:
            raise ShapeError(expected(place, "sequences (N, T, …)", in_words(own)))
        found = own[0] if found is None else found
        if own[0] != found:
            raise ShapeError(expected(place, f"{found} steps, as in what stands before it", own[0]))
    assert found is not None  # a structure has at least one array
    return found


def one_step(shapes: Any) -> Any:
    """The shape of one step of sequences of such a shape.

    >>> one_step(((5, 3), Discrete((5,))))
    ((3,), Discrete(()))
    """
    if is_tuple(shapes):
        return tuple(map(one_step, shapes))
    return Discrete(shapes.shape[1:]) if isinstance(shapes, Discrete) else shapes[1:]


def of_steps(shapes: Any, t: int) -> Any:
    """The shape of t steps of such a shape: `one_step` undone.

    >>> of_steps((3,), 5)
    (5, 3)
    """
    if is_tuple(shapes):
        return tuple(of_steps(part, t) for part in shapes)
    return Discrete((t, *shapes.shape)) if isinstance(shapes, Discrete) else (t, *shapes)


def _parts(shapes: Any, what: str) -> Iterator[tuple[str, Any]]:
    """Every array's shape with its place; the shape of a plain array is a tuple too."""
    if is_tuple(shapes):
        for i, part in enumerate(shapes):
            yield from _parts(part, f"{what}[{i}]")
    else:
        yield what, shapes


def checked_lengths(lengths: Array, t: int, what: str = "x[1]") -> Array:
    """Lengths (N,) as int64.

    Raises:
        DtypeError: they are booleans.
        DataError: one of them is not from 1 to t.
    """
    if lengths.dtype == bool:
        raise DtypeError(expected(what, "lengths, whole numbers", "booleans"))
    good = (lengths >= 1) & (lengths <= t)
    if not good.all():
        at = int(good.argmin())
        fix = "leave sequences without steps out" if lengths[at] == 0 else "they count steps"
        raise DataError(expected(what, f"lengths from 1 to T = {t}", f"{lengths[at]} at example {at}", fix))
    return lengths.astype(np.int64)


def within(lengths: Array, t: int) -> Array:
    """Which steps count, (N, T): those in front of the end.

    >>> within(np.array([1, 3]), 3)
    array([[ True, False, False],
           [ True,  True,  True]])
    """
    return np.arange(t) < lengths[:, None]


def along(counted: Array, x: Array, axis: int = 1) -> Array:
    """What counts (N, T) with axes for x (N, …), T along this one."""
    shape = [1] * x.ndim
    shape[0], shape[axis] = counted.shape
    return counted.reshape(shape)


def only(counted: Array, x: Array) -> Array:
    """x (N, T, …) where it counts, 0 elsewhere, whatever stands there."""
    return np.where(along(counted, x), x, np.zeros((), x.dtype))


def turned(xs: Array, lengths: Array) -> Array:
    """Sequences (N, T, …) turned round within their lengths, 0 behind; it is its own transpose."""
    t = xs.shape[1]
    counted = within(lengths, t)
    at = np.where(counted, lengths[:, None] - 1 - np.arange(t), 0)
    return only(counted, np.take_along_axis(xs, along(at, xs), axis=1))


def float_sequences(shapes: Any) -> Shape:
    """The shape itself, if it is one of sequences of floats (T, …).

    Raises:
        ShapeError: it is a tuple, or has no steps.
        DtypeError: they are whole numbers.
    """
    if isinstance(shapes, Discrete):
        raise DtypeError(expected("xs", "floats", "whole numbers", "cast with x.astype(np.float32)"))
    if not is_floats(shapes):
        raise ShapeError(expected("xs", "one array", f"a tuple of {len(shapes)}"))
    steps(shapes)
    return tuple(shapes)


def sequence_shape(shape: Any) -> Shape:
    """The shape itself, if it is that of sequences of features (T, D)."""
    if len(shape) != 2:
        raise ShapeError(expected("x", "a sequence (N, T, features)", in_words(shape)))
    return tuple(shape)
