"""What `pad`, `crop` and `upsample` share: numbers for every axis behind the channels."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from fnnet.arguments import shown, whole
from fnnet.arrays import in_words
from fnnet.errors import ConfigError, ShapeError, expected
from fnnet.types import Shape

Amounts: TypeAlias = (
    int | Sequence[int] | Sequence[Sequence[int]]
)  # for all axes, for each, or (before, after) for each
Sides: TypeAlias = tuple[tuple[int, int], ...]


def sides_of(amounts: Amounts) -> Callable[[Shape], Sides]:
    """The elements before and after along every axis behind the channels, of examples of a shape.

    Raises:
        ConfigError: these are no amounts.
        ShapeError: of the function: there are no such axes, or another number of them.

    >>> sides_of(1)((3, 8, 8)), sides_of((1, (2, 0)))((3, 8, 8))
    (((1, 1), (1, 1)), ((1, 1), (2, 0)))
    """
    each = tuple(map(_side, amounts)) if isinstance(amounts, tuple | list) and amounts else None
    both = None if each is not None else _side(amounts)

    def sides(in_shape: Shape) -> Sides:
        dims = len(in_shape) - 1
        if dims < 1 or (each is not None and len(each) != dims):
            many = "" if each is None else f"{len(each)} "
            raise ShapeError(expected("input", f"(N, C, …) with {many}axes behind the channels", in_words(in_shape)))
        return (both,) * dims if both is not None else each or ()

    return sides


def _side(amount: Any) -> tuple[int, int]:
    pair = amount if isinstance(amount, tuple | list) else (amount, amount)
    if len(pair) != 2:
        wanted = "a whole number ≥ 0, or for each axis one or a pair (before, after)"
        raise ConfigError(expected("amounts", wanted, shown(amount)))
    return whole("amounts", pair[0], 0), whole("amounts", pair[1], 0)


def factors_of(factor: int | Sequence[int]) -> Callable[[int], tuple[int, ...]]:
    """A factor for every axis, of so many axes.

    Raises:
        ConfigError: this is no whole number ≥ 1, and no sequence of such.
        ShapeError: of the function: there are no axes, or another number of them.

    >>> factors_of(2)(3), factors_of((2, 1))(2)
    ((2, 2, 2), (2, 1))
    """
    several = isinstance(factor, tuple | list) and len(factor) > 0
    factors = tuple(whole("factor", number, 1) for number in (factor if several else (factor,)))  # type: ignore[union-attr]

    def each(dims: int) -> tuple[int, ...]:
        if dims < 1 or (several and dims != len(factors)):
            many = f"{len(factors)} " if several else ""
            raise ShapeError(
                expected("input", f"(N, C, …) with {many}axes behind the channels", f"{max(dims, 0)} of them")
            )
        return factors if several else factors * dims

    return each
