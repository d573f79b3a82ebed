"""What layers that read a tuple share: the look at its parts."""

from typing import Any

from fnnet.arrays import Discrete, Shape, in_words, is_floats, is_tuple
from fnnet.errors import DtypeError, ShapeError, expected


def float_parts(shapes: Any, least: int = 1) -> tuple[Shape, ...]:
    """The shapes of a tuple of at least so many arrays of floats.

    Raises:
        ShapeError: it is no tuple, or has too few parts, or one of them is a tuple itself.
        DtypeError: a part holds whole numbers.
    """
    if not is_tuple(shapes) or len(shapes) < least:
        wanted = f"a tuple of at least {least} arrays" if least > 1 else "a tuple of arrays"
        raise ShapeError(expected("x", wanted, f"a tuple of {len(shapes)}" if is_tuple(shapes) else "one array"))
    for i, shape in enumerate(shapes):
        if isinstance(shape, Discrete):
            raise DtypeError(expected(f"x[{i}]", "floats", "whole numbers", f"cast with x[{i}].astype(np.float32)"))
        if not is_floats(shape):
            raise ShapeError(expected(f"x[{i}]", "one array", f"a tuple of {len(shape)}"))
    return tuple(shapes)


def equal_parts(shapes: Any, least: int = 1) -> Shape:
    """The one shape of all parts of a tuple of float arrays; nothing is broadcast.

    Raises:
        ShapeError: they differ, or see `float_parts`.
    """
    first, *others = float_parts(shapes, least)
    for i, shape in enumerate(others, start=1):
        if shape != first:
            raise ShapeError(expected(f"x[{i}]", f"the shape of x[0], {in_words(first)}", in_words(shape)))
    return first
