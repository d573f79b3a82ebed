"""What callers hand in, checked and brought to plain Python values: whole numbers, real numbers, flags, choices."""

from collections.abc import Iterable
from typing import Any

from fnnet.errors import ConfigError, expected


def one_of(names: Iterable[str]) -> str:
    """List choices for a message.

    >>> one_of(["mean", "sum"])
    "'mean' or 'sum'"
    """
    return " or ".join(repr(name) for name in names)


def whole(what: str, value: Any, least: int) -> int:
    """Return `value` as a Python int, or say that it should have been a whole number ≥ `least`.

    >>> whole("stride", 2, 1)
    2
    >>> whole("stride", 0, 1)
    Traceback (most recent call last):
    fnnet.errors.ConfigError: stride: expected a whole number ≥ 1, got 0
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        number = value.__index__()
    except (AttributeError, TypeError):
        raise ConfigError(expected(what, f"a whole number ≥ {least}", repr(value))) from None
    if number < least:
        raise ConfigError(expected(what, f"a whole number ≥ {least}", number))
    return int(number)


def flag(what: str, value: object) -> bool:
    """Return `value` as a Python bool, or say that it should have been True or False.

    >>> flag("bias", True)
    True
    """
    if not isinstance(value, bool):
        raise ConfigError(expected(what, "True or False", repr(value)))
    return value


def real(what: str, value: Any, low: float = -float("inf"), high: float = float("inf"), *, open: str = "") -> float:
    """Return `value` as a Python float in [low, high]; `open` may hold "(" or ")" or both to leave the ends out.

    Python floats never promote float32 arrays; NumPy's float64 scalars do, hence the conversion on entry.

    >>> real("rate", 0.5, 0, 1, open=")")
    0.5
    >>> real("rate", 1.0, 0, 1, open=")")
    Traceback (most recent call last):
    fnnet.errors.ConfigError: rate: expected a number in [0, 1), got 1.0
    """
    left, right = "(" if "(" in open else "[", ")" if ")" in open else "]"
    if low == -float("inf") and high == float("inf"):
        wanted = "a finite number"
    else:
        wanted = f"a number in {left}{low:g}, {high:g}{right}"
    try:
        plain = value.tolist() if hasattr(value, "tolist") else value  # what NumPy holds, as Python's
        if isinstance(plain, bool):
            raise TypeError
        number = float(plain.__float__())  # text has none
    except (AttributeError, TypeError, ValueError):
        raise ConfigError(expected(what, wanted, repr(value))) from None
    except OverflowError:
        raise ConfigError(expected(what, wanted, "one too large for a float")) from None
    above = number > low if left == "(" else number >= low
    below = number < high if right == ")" else number <= high
    if not (above and below and number - number == 0):
        raise ConfigError(expected(what, wanted, number))
    return number
