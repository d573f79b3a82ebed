"""Functions of every element that take more than one call of NumPy."""

import numpy as np

from fnnet.types import Array


def positive_part(x: Array) -> Array:
    """x where its real part is above 0, else 0.

    NumPy finds the larger of two arrays in less than half the time it takes for an array and a number.
    """
    if x.dtype.kind == "c":
        return np.where(x.real > 0, x, 0)
    y = np.empty_like(x)
    y.fill(0)
    return np.maximum(x, y, out=y)


def magnitude(x: Array) -> Array:
    """|x|; of a complex number itself where its real part is above 0, else its negative."""
    return np.where(x.real > 0, x, -x) if x.dtype.kind == "c" else np.abs(x)


def logistic(x: Array) -> Array:
    """1 / (1 + e⁻ˣ); where e⁻ˣ overflows, the value is 0 as it should be."""
    y = np.negative(x)
    with np.errstate(over="ignore"):
        np.exp(y, out=y)
    y += 1
    return np.divide(1, y, out=y)


def exponential_linear(x: Array, above: float, below: float, width: float = 1.0) -> Array:
    """`above` · x where x > 0, `below` · (eˣ - 1) elsewhere, there with x / `width`."""
    with np.errstate(over="ignore", invalid="ignore"):  # expm1 of large x, which is not taken
        return np.where(x.real > 0, above * x, below * np.expm1(x if width == 1 else x / width))


def smooth_positive_part(x: Array) -> Array:
    """log(1 + eˣ), without overflow."""
    return np.log1p(np.exp(-magnitude(x))) + positive_part(x)


def squashed_positive_part(x: Array) -> tuple[Array, Array]:
    """tanh(log(1 + eˣ)) = w / (w + 2) with w = eˣ (eˣ + 2), and eˣ; x above 40, where this is 1, counts as 40."""
    e = np.exp(np.where(x.real > 40, 40, x))
    w = e * (e + 2)
    return w / (w + 2), e


def clipped(x: Array, low: float, high: float) -> Array:
    """x, but not below `low` nor above `high`; of complex numbers the real part counts."""
    if x.dtype.kind == "c":
        return np.where(x.real < low, low, np.where(x.real > high, high, x))
    return np.minimum(np.maximum(x, low), high)
