"""Signals, images and volumes of other sizes: along every axis a matrix of weights, whose transpose is the adjoint.

All weights but a few beside the diagonal are 0. A matrix is kept in blocks of its rows, each from the first column that
is not 0 to the last: a block makes a large product, and what is read in vain does not grow with the size.

Place v of the new axis lies at u of the old one: u = (v + ½) / f - ½, or, where the corners are aligned, such that the
first and last places lie on the first and last ones. Its number is a mean of its neighbours, of which those beyond the
border are taken to be the last one on it, with weights that fall with the distance t of the neighbour:

    linear    1 - t                                      t ≤ 1
    cubic     (a + 2) t³ - (a + 3) t² + 1                t ≤ 1,  a = -¾
              a t³ - 5a t² + 8a t - 4a               1 ≤ t ≤ 2

The weights are exact fractions before they are rounded.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

import numpy as np

from fnnet.types import Array

TOGETHER = 64  # new places of a block


@lru_cache(maxsize=64)
def resampling(size: int, factor: int, cubic: bool, aligned: bool, dtype: np.dtype) -> tuple[tuple[int, Array], ...]:
    """The weights by blocks of new places: the first old place that a block reads, and a matrix (new, old)."""
    reach, blocks = 2 if cubic else 1, []
    for start in range(0, size * factor, TOGETHER):
        rows = [_row(v, size, factor, reach, aligned) for v in range(start, min(start + TOGETHER, size * factor))]
        first, last = min(map(min, rows)), max(map(max, rows))
        weights = np.zeros((len(rows), last + 1 - first), dtype)
        for own, row in zip(weights, rows, strict=True):
            for place, weight in row.items():
                own[place - first] = weight if dtype.kind == "O" else float(weight)
        weights.flags.writeable = False
        blocks.append((first, weights))
    return tuple(blocks)


def _row(v: int, size: int, factor: int, reach: int, aligned: bool) -> dict[int, Fraction]:
    """The weights of new place v by the old places that it reads."""
    if aligned:
        u = Fraction(v * (size - 1), max(size * factor - 1, 1))
    else:
        u = Fraction(2 * v + 1, 2 * factor) - Fraction(1, 2)
    row: dict[int, Fraction] = {}
    for neighbour in range(u.__floor__() + 1 - reach, u.__floor__() + 1 + reach):
        t, place = abs(u - neighbour), min(max(neighbour, 0), size - 1)
        row[place] = row.get(place, Fraction(0)) + (_cubic(t) if reach == 2 else 1 - t)
    return row


def _cubic(t: Fraction) -> Fraction:
    a = Fraction(-3, 4)
    return (a + 2) * t**3 - (a + 3) * t**2 + 1 if t <= 1 else a * (t**3 - 5 * t**2 + 8 * t - 4)


def resampled(x: Array, blocks: Sequence[tuple[int, Array]], axis: int) -> Array:
    """What the weights make of everything that lies along an axis."""
    lines, size = lines_along(x, axis), sum(len(weights) for _, weights in blocks)
    y = np.empty((len(lines), size, lines.shape[2]), x.dtype)
    start = 0
    for first, weights in blocks:
        made, read = weights.shape
        times_lines(weights, lines[:, first : first + read], y[:, start : start + made])
        start += made
    return y.reshape(*x.shape[:axis], size, *x.shape[axis + 1 :])


def resampled_adjoint(dy: Array, blocks: Sequence[tuple[int, Array]], axis: int) -> Array:
    """What the transposed weights make of it."""
    lines, size = lines_along(dy, axis), max(first + weights.shape[1] for first, weights in blocks)
    dx = np.zeros((len(lines), size, lines.shape[2]), dy.dtype)
    start = 0
    for first, weights in blocks:
        made, read = weights.shape
        dx[:, first : first + read] += times_lines(weights.T, lines[:, start : start + made])
        start += made
    return dx.reshape(*dy.shape[:axis], size, *dy.shape[axis + 1 :])


def lines_along(x: Array, axis: int) -> Array:
    """(everything before, an axis, everything behind)."""
    return x.reshape(-1, x.shape[axis], int(np.prod(x.shape[axis + 1 :])))


def times_lines(matrix: Array, lines: Array, out: Array | None = None) -> Array:
    """The products of a matrix (K, L) with all lines (M, L, W)."""
    if lines.shape[2] > 1:
        return np.matmul(matrix, lines, out=out)
    return np.matmul(lines[:, :, 0], matrix.T, out=None if out is None else out[:, :, 0])[:, :, None]


def in_blocks(matrix: Array) -> tuple[tuple[int, Array], ...]:
    """A matrix whose rows are 0 far from the diagonal, in the same form; a small one as it is."""
    if len(matrix) <= TOGETHER:
        return ((0, matrix),)
    blocks = []
    for start in range(0, len(matrix), TOGETHER):
        rows = matrix[start : start + TOGETHER]
        read = np.flatnonzero(rows.any(axis=0))
        blocks.append((int(read[0]), rows[:, read[0] : read[-1] + 1]))
    return tuple(blocks)


def both_ways(down: Sequence[tuple[int, Array]], x: Array, across: Sequence[tuple[int, Array]]) -> Array:
    """A x Bᵀ of images (…, H, W), both matrices in blocks."""
    return resampled(resampled(x, down, x.ndim - 2), across, x.ndim - 1)


def repeated(x: Array, factor: int, axis: int) -> Array:
    """Every number so many times along an axis."""
    return np.repeat(x, factor, axis)


def repeated_adjoint(dy: Array, factor: int, axis: int) -> Array:
    """What came back for all that was one number, added up."""
    apart = dy.reshape(*dy.shape[:axis], -1, factor, *dy.shape[axis + 1 :])
    return np.add.reduce(apart, axis=axis + 1)
