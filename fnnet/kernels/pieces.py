"""The largest of some adjacent numbers along an axis."""

import numpy as np

from fnnet.types import Array


def grouped(x: Array, pieces: int, axis: int) -> Array:
    """x with an axis of length m k seen as (m, k), and k in front: piece j is the j-th of every group."""
    axis %= x.ndim
    split = x.reshape(*x.shape[:axis], -1, pieces, *x.shape[axis + 1 :])
    return np.moveaxis(split, axis + 1, 0)


def largest_piece(x: Array, pieces: int, axis: int) -> tuple[Array, Array]:
    """The largest of every `pieces` adjacent numbers along an axis, and which it was: the first of equal ones.

    NaN counts as the largest; of complex numbers the real part counts.
    """
    y, *others = grouped(x, pieces, axis)
    winner = np.zeros_like(y, np.intp)
    for j, piece in enumerate(others, start=1):
        larger = ~(piece.real <= y.real) & (y == y)
        y, winner = np.where(larger, piece, y), np.where(larger, j, winner)
    return y, winner
