"""Signals, images and volumes of other sizes: along every axis a matrix of weights, whose transpose is the adjoint.

Place v of the new axis lies at u of the old one: u = (v + ½) / f - ½, or, where the corners are aligned, such that the
first and last places lie on the first and last ones. Its number is a mean of its neighbours, of which those beyond the
border are taken to be the last one on it, with weights that fall with the distance t of the neighbour:

    linear    1 - t                                      t ≤ 1
    cubic     (a + 2) t³ - (a + 3) t² + 1                t ≤ 1,  a = -¾
              a t³ - 5a t² + 8a t - 4a               1 ≤ t ≤ 2

The weights are exact fractions before they are rounded.
"""

from fractions import Fraction
from functools import lru_cache

import numpy as np

from fnnet.types import Array


@lru_cache(maxsize=64)
def resampling(size: int, factor: int, cubic: bool, aligned: bool, dtype: np.dtype) -> Array:
    """The weights (f · size, size) of each new place."""
    weights = np.zeros((size * factor, size), dtype)
    reach = 2 if cubic else 1
    for v in range(size * factor):
        if aligned:
            u = Fraction(v * (size - 1), max(size * factor - 1, 1))
        else:
            u = Fraction(2 * v + 1, 2 * factor) - Fraction(1, 2)
        for neighbour in range(u.__floor__() + 1 - reach, u.__floor__() + 1 + reach):
            t = abs(u - neighbour)
            own = _cubic(t) if cubic else 1 - t
            weights[v, min(max(neighbour, 0), size - 1)] += own if dtype.kind == "O" else float(own)
    weights.flags.writeable = False
    return weights


def _cubic(t: Fraction) -> Fraction:
    a = Fraction(-3, 4)
    return (a + 2) * t**3 - (a + 3) * t**2 + 1 if t <= 1 else a * (t**3 - 5 * t**2 + 8 * t - 4)


def times_along(x: Array, matrix: Array, axis: int) -> Array:
    """The products of a matrix (K, L) with everything that lies along an axis of length L."""
    before, behind = x.shape[:axis], x.shape[axis + 1 :]
    rows = x.reshape(-1, x.shape[axis], int(np.prod(behind)))
    y = rows[:, :, 0] @ matrix.T if rows.shape[2] == 1 else matrix @ rows
    return y.reshape(*before, len(matrix), *behind)


def repeated(x: Array, factor: int, axis: int) -> Array:
    """Every number so many times along an axis."""
    return np.repeat(x, factor, axis)


def repeated_adjoint(dy: Array, factor: int, axis: int) -> Array:
    """What came back for all that was one number, added up."""
    apart = dy.reshape(*dy.shape[:axis], -1, factor, *dy.shape[axis + 1 :])
    return np.add.reduce(apart, axis=axis + 1)
