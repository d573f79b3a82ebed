"""Directional derivatives of a function of one array, measured three ways: by differences, complex steps, exactly."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np

from fnnet.types import Array

Function: TypeAlias = Callable[[Array], Array]

_STEP = float(np.finfo(np.float64).eps) ** (1 / 3)
_TINY = 1e-30  # its square is lost beside 1, so a complex step has no truncation error
_EXACT = Fraction(1, 10**9)

RELATIVE, ABSOLUTE = 1e-7, 1e-9


class KinkError(Exception):
    """Here the function has no derivative in this direction, or one too steep to be measured by differences."""


def finite_step(f: Function, at: Array, u: Array, dy: Array) -> float:
    """⟨J u, dy⟩ by central differences with the step ε^⅓ max(1, |at|), in float64.

        (F(h) - F(-h)) / 2h,    F(t) = ⟨f(at + t u), dy⟩

    Raises:
        KinkError: twice the step gives another slope, or the two steps' second differences are not as 1 to 4.
    """
    h = _STEP * max(1.0, float(np.abs(at).max(initial=0)))

    def value(t: float) -> float:
        return float((f(at + t * u) * dy).sum())

    middle = f(at) * dy
    below, above, far_below, far_above = value(-h), value(h), value(-2 * h), value(2 * h)
    slope, far_slope = (above - below) / (2 * h), (far_above - far_below) / (4 * h)
    bend = above + below - 2 * float(middle.sum())
    far_bend = far_above + far_below - 2 * float(middle.sum())
    noise = 16 * float(np.finfo(np.float64).eps * np.abs(middle).sum()) / h
    allowed = ABSOLUTE + RELATIVE * abs(slope) + noise
    if not (abs(slope - far_slope) <= allowed and abs(far_bend - 4 * bend) / h <= 8 * allowed):
        raise KinkError
    return slope


def complex_step(f: Function, at: Array, u: Array, dy: Array) -> tuple[float, float]:
    """⟨J u, dy⟩ = Im ⟨f(at + i h u), dy⟩ / h without any truncation, and the sum of its terms' sizes.

    Source: Squire & Trapp 1998, "Using complex variables to estimate derivatives of real functions".
    """
    terms = (f(at + 1j * (_TINY * u)) * dy).imag / _TINY
    return float(terms.sum()), float(np.abs(terms).sum())


def exact_step(f: Function, at: Array, u: Array, dy: Array) -> Any:
    """⟨J u, dy⟩ of a function that is linear in pieces, exactly; all arrays hold Fractions.

    Raises:
        KinkError: a step of 10⁻⁹ forwards and one backwards do not agree.
    """
    middle = f(at)
    forwards, backwards = f(at + _EXACT * u) - middle, middle - f(at - _EXACT * u)
    if (forwards != backwards).any():
        raise KinkError
    return (forwards * dy).sum() / _EXACT


def gradient(f: Function, at: Array, dy: Array, step: Callable[..., Any], most: int = 64) -> Array | None:
    """Jᵀ dy, element by element with one of the steps above; None for a large array or at a kink."""
    if at.size > most:
        return None
    found = np.zeros_like(at)
    for index in np.ndindex(at.shape):
        u = np.zeros_like(at)
        u[index] = 1
        try:
            found[index] = step(f, at, u, dy)
        except KinkError:
            return None
    return found
