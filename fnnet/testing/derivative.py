"""Directional derivatives of a function of one array, measured three ways: by differences, complex steps, exactly."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TypeAlias

import numpy as np

from fnnet.types import Array

Function: TypeAlias = Callable[[Array], Array]
Step: TypeAlias = Callable[[Function, Array, Array, Array], tuple[float | Fraction, float]]  # (f, at, u, dy)

_STEPS = (2.0**-10, 2.0**-13, 2.0**-16)  # the first has least rounding, the others fit between kinks
_SLOPE = np.array([-1, 9, -45, 0, 45, -9, 1]) / 60  # of seven samples one step apart, right to the sixth order
_FIFTH = np.array([-1, 5, -10, 10, -5, 1])  # the fifth difference of six samples
_ROUNDING = 4 * float(np.finfo(np.float64).eps)  # of one value of f, relative to the largest
_TINY = 1e-30  # its square is lost beside 1, so a complex step has no truncation error
_EXACT = Fraction(1, 10**9)

RELATIVE, ABSOLUTE = 1e-7, 1e-9


class KinkError(Exception):
    """Here the function has no derivative in this direction, or one too steep to be measured by differences."""


def finite_step(f: Function, at: Array, u: Array, dy: Array) -> tuple[float, float]:
    """⟨J u, dy⟩ by central differences in float64, and how far rounding may have moved it.

        ⟨(45 (f₁ - f₋₁) - 9 (f₂ - f₋₂) + (f₃ - f₋₃)) / 60h, dy⟩,    f_k = f(at + k h u),    h = 2⁻¹⁰ max(1, |at|)

    The error is h⁶ f⁽⁷⁾ / 140, so h can be large and the rounding of f, divided by h, small. A kink or a jump among the
    samples shows in their fifth differences: it moves the slope by less than a quarter of the larger one, divided by h.
    Where these are too large h is made smaller, twice.

    Raises:
        KinkError: with every h the fifth differences are larger than rounding makes them.

    Source: Fornberg 1988, "Generation of finite difference formulas on arbitrarily spaced grids", table 1.
    """
    size, middle = max(1.0, float(np.abs(at).max(initial=0))), f(at)
    rounding = _ROUNDING * float(np.abs(middle).max(initial=0)) * float(np.sqrt((dy * dy).sum()))
    for step in _STEPS:
        h = step * size
        values = [f(at + k * h * u) if k else middle for k in range(-3, 4)]
        samples = [(value - middle) * dy for value in values]  # of nearly equal numbers: no rounding here
        slope = _combined(_SLOPE, samples) / h
        fifth = max(abs(_combined(_FIFTH, samples[:-1])), abs(_combined(_FIFTH, samples[1:]))) / h
        doubt = rounding / h
        if fifth <= 4 * (ABSOLUTE + RELATIVE * abs(slope) + doubt):
            return slope, doubt
    raise KinkError


def _combined(weights: Array, samples: Sequence[Array]) -> float:
    return float(sum(weight * sample for weight, sample in zip(weights, samples, strict=True)).sum())


def complex_step(f: Function, at: Array, u: Array, dy: Array) -> tuple[float, float]:
    """⟨J u, dy⟩ = Im ⟨f(at + i h u), dy⟩ / h without any truncation, and the sum of its terms' sizes.

    Source: Squire & Trapp 1998, "Using complex variables to estimate derivatives of real functions".
    """
    terms = (f(at + 1j * (_TINY * u)) * dy).imag / _TINY
    return float(terms.sum()), float(np.abs(terms).sum())


def exact_step(f: Function, at: Array, u: Array, dy: Array) -> tuple[Fraction, int]:
    """⟨J u, dy⟩ of a function that is linear in pieces, exactly, so the error is 0; all arrays hold Fractions.

    Raises:
        KinkError: a step of 10⁻⁹ forwards and one backwards do not agree.
    """
    middle = f(at)
    forwards, backwards = f(at + _EXACT * u) - middle, middle - f(at - _EXACT * u)
    if (forwards != backwards).any():
        raise KinkError
    return (forwards * dy).sum() / _EXACT, 0


def gradient(f: Function, at: Array, dy: Array, step: Step, most: int = 64) -> Array | None:
    """Jᵀ dy, element by element with one of the steps above; None for a large array, or where a step finds no slope."""
    if at.size > most:
        return None
    found = np.zeros_like(at)
    for index in np.ndindex(at.shape):
        u = np.zeros_like(at)
        u[index] = 1
        try:
            found[index], _ = step(f, at, u, dy)
        except Exception:  # a kink, or an argument that the layer refuses
            return None
    return found
