"""What callers hand in, checked and brought to plain Python values: numbers, flags, choices; the gate for arrays."""

from collections.abc import Callable, Collection, Iterable, Mapping, Set
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import DTypeLike

from fnnet.errors import ConfigError, DataError, DtypeError, ShapeError, expected

_LONGEST = 200  # letters of a value in a message
_PLAIN = (np.ndarray, np.memmap)  # the second computes as the first does, from a file


def is_plain(value: object) -> TypeGuard[np.ndarray]:
    """Whether `value` is a plain array, as `plain_array` wants it.

    >>> is_plain(np.ones(3)), is_plain(np.ma.ones(3)), is_plain([1.0])
    (True, False, False)
    """
    return type(value) in _PLAIN


def is_function(value: object) -> TypeGuard[Callable[..., Any]]:
    """Whether `value` can be called to some end: a net is called only to be told how it is used.

    >>> from fnnet import layers
    >>> is_function(len), is_function(layers.relu), is_function(layers.relu())
    (True, True, False)
    """
    return callable(value) and not hasattr(type(value), "_never_called")


def plain_array(what: str, value: object, cast: str = "np.asarray(…)") -> np.ndarray:
    """Return `value`, a plain array, or say what came in its place: the one gate where arrays come in.

    Subclasses are refused, since they compute otherwise: `np.matrix` multiplies as matrices do and keeps two axes,
    a masked array leaves entries out.

    >>> plain_array("x", np.ones(3)).shape
    (3,)
    >>> plain_array("x", np.ma.masked_invalid([1.0, np.nan]))
    Traceback (most recent call last):
    fnnet.errors.DtypeError: x: expected a plain NumPy array, got a MaskedArray; fill it: x.filled(…), or drop what is
    masked
    """
    if is_plain(value):
        return value
    if not isinstance(value, np.ndarray):
        fix = f"convert with {cast}" if isinstance(value, Iterable | np.generic) else ""
        raise DtypeError(expected(what, "a NumPy array", type(value).__name__, fix))
    if isinstance(value, np.ma.MaskedArray):
        fix = f"fill it: {what}.filled(…), or drop what is masked"
    else:
        fix = f"cast with np.asarray({what})"
    raise DtypeError(expected(what, "a plain NumPy array", f"a {type(value).__name__}", fix))


def example_weights(weight: object, n: int | None = None) -> np.ndarray:
    """The weights of n examples in float64: finite and ≥ 0.

    >>> example_weights(np.array([1, 0]), 2)
    array([1., 0.])
    >>> example_weights(np.array([1.0, -2.0]), 2)
    Traceback (most recent call last):
    fnnet.errors.DataError: weight: expected finite numbers ≥ 0, got -2.0 at example 1
    """
    array = plain_array("weight", weight)
    if array.ndim != 1 or array.size == 0 or n not in (None, len(array)):
        fix = "pass weight[:, 0]" if array.ndim == 2 and array.shape[1] == 1 else ""
        raise ShapeError(expected("weight", f"one number for each example, ({n or 'N'},)", array.shape, fix))
    if array.dtype.kind not in "iuf":
        raise DtypeError(expected("weight", "numbers", array.dtype, "cast with weight.astype(np.float32)"))
    good = (array >= 0) & np.isfinite(array)
    if not good.all():
        at = int(good.argmin())
        raise DataError(expected("weight", "finite numbers ≥ 0", f"{array[at]} at example {at}"))
    found = array.astype(np.float64)
    if found.max().item() * len(found) == np.inf:
        raise DataError(expected("weight", "numbers with a finite sum", "an infinite one", "divide all by the largest"))
    return found


def shown(value: object) -> str:
    """A value for a message: never an array, never longer than a few lines.

    >>> shown("mean"), shown(np.zeros((3, 4))), shown([np.zeros(3), 1])
    ("'mean'", 'an array (3, 4) float64', 'a list of 2')
    """
    if not isinstance(value, np.generic) and hasattr(value, "shape") and hasattr(value, "dtype"):
        kind = "an array" if is_plain(value) else f"a {type(value).__name__}"
        return f"{kind} {value.shape} {value.dtype}"
    if isinstance(value, Collection) and _holds_arrays(value):
        return f"a {type(value).__name__} of {len(value)}"
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _holds_arrays(value: object, depth: int = 4) -> bool:
    """Whether a container holds an array, or is too deep to tell."""
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if not isinstance(value, list | tuple | Set):
        return hasattr(value, "dtype") and not isinstance(value, np.generic)
    return depth == 0 or any(_holds_arrays(item, depth - 1) for item in value)


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
    if type(value) is int and value >= least:
        return value  # as nearly always
    try:
        if type(value).__name__ in ("bool", "bool_"):  # Python's and NumPy's, which is not imported here
            raise TypeError
        number = value.__index__()
    except (AttributeError, TypeError):
        raise ConfigError(expected(what, f"a whole number ≥ {least}", shown(value))) from None
    if number < least:
        raise ConfigError(expected(what, f"a whole number ≥ {least}", number))
    return int(number)


def flag(what: str, value: object) -> bool:
    """Return `value` as a Python bool, or say that it should have been True or False.

    >>> flag("bias", True)
    True
    """
    if not isinstance(value, bool):
        raise ConfigError(expected(what, "True or False", shown(value)))
    return value


def float_dtype(dtype: DTypeLike) -> np.dtype:
    """Return `dtype` as NumPy's record, or say that it should have been one that layers compute in.

    >>> float_dtype(np.float64)
    dtype('float64')
    """
    try:
        kind = np.dtype(dtype)
    except (TypeError, ValueError):
        raise DtypeError(expected("dtype", "float32 or float64", shown(dtype))) from None
    if kind not in (np.float32, np.float64):
        raise DtypeError(expected("dtype", "float32 or float64", kind))
    return kind


def real(what: str, value: Any, low: float = -float("inf"), high: float = float("inf"), *, open: str = "") -> float:
    """Return `value` as a Python float in [low, high]; `open` may hold "(" or ")" or both to leave the ends out.

    Python floats never promote float32 arrays; NumPy's float64 scalars do, hence the conversion on entry.

    >>> real("rate", 0.5, 0, 1, open=")")
    0.5
    >>> real("rate", 1.0, 0, 1, open=")")
    Traceback (most recent call last):
    fnnet.errors.ConfigError: rate: expected a number in [0, 1), got 1.0
    """
    if type(value) is float and low < value < high:
        return value  # as nearly always
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
        raise ConfigError(expected(what, wanted, shown(value))) from None
    except OverflowError:
        raise ConfigError(expected(what, wanted, "one too large for a float")) from None
    above = number > low if left == "(" else number >= low
    below = number < high if right == ")" else number <= high
    if not (above and below and number - number == 0):
        raise ConfigError(expected(what, wanted, number))
    return number
