"""What goes wrong, said one way: where, what was expected, what came, what to do.

Every error of fnnet is an `FnnetError`, and an `FnnetError` is a `ValueError`. Combinators put the name of the child
in front of the path while an error travels outwards, so the reader sees `serial > conv2d_1: expected …`.
"""

from collections.abc import Iterable
from typing import Any


class FnnetError(ValueError):
    """Base of every error fnnet raises on purpose.

    Args:
        message: what was expected, what came and what to do.
        path: names of the layers around the fault, outermost first.
    """

    def __init__(self, message: str, path: tuple[str, ...] = ()):
        super().__init__(message)
        self.message = message
        self.path = path

    def __str__(self) -> str:
        return f"{' > '.join(self.path)}: {self.message}" if self.path else self.message


class ShapeError(FnnetError):
    """An array or an example has the wrong shape."""


class DtypeError(FnnetError, TypeError):
    """An array has the wrong dtype; the message names the cast."""


class ConfigError(FnnetError):
    """A setting (of a layer, an optimizer, an experiment) is out of its range or unknown."""


class StructureError(FnnetError):
    """Trees that should match leaf by leaf do not; the message names the leaf."""


class DataError(FnnetError):
    """Data (a file, labels, a batch) is not what it says or should be."""


class MissingDataError(DataError):
    """A data set is neither in the data directory nor to be had; the message says how to get it."""


class CheckpointError(FnnetError):
    """A checkpoint is damaged or does not fit what it is loaded into."""


class NonFiniteError(FnnetError, ArithmeticError):
    """A NaN or an infinity appeared; the message says at which step and where first."""


def expected(what: str, wanted: object, got: object, fix: str = "") -> str:
    """Phrase a fault: the one wording used throughout.

    >>> expected("x", "(N, features)", (3,), "add the batch axis")
    'x: expected (N, features), got (3,); add the batch axis'
    """
    return f"{what}: expected {wanted}, got {got}" + (f"; {fix}" if fix else "")


def inside(error: Exception, name: str) -> Exception:
    """Say that `error` came up inside the child called `name`; to be re-raised by the caller.

    Our own errors carry the path in front of their message. Any other exception, say from a user's layer, keeps its
    type and text and gets a note (PEP 678).
    """
    if isinstance(error, FnnetError):
        error.path = (name, *error.path)
    else:
        error.add_note(f"in layer {name}")
    return error


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


def flag(what: str, value: Any) -> bool:
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
