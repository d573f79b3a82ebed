"""Pooling and its adjoints, one axis after the other, in whatever memory order the images lie.

A window's maximum is the maximum over its rows of the maxima along them, its sum the sum of its rows' sums: kH + kW
passes instead of kH · kW. Reducing the width first makes ties fall to the first element in row-major order: the first
row that holds the maximum, and in it the first place.
"""

from collections.abc import Sequence

import numpy as np

from fnnet.kernels.order import laid_like
from fnnet.kernels.windows import Axis, Grid
from fnnet.types import Array

_ROWS, _COLS = 2, 3  # of (N, C, H, W)


def max_pool(x: Array, grid: Grid) -> tuple[Array, Sequence[Array]]:
    """y (N, C, OH, OW), the largest element of every window, and which tap won along the width and the height.

    Padding is never read, so it never wins; every window must reach into the image.
    """
    rows, cols = grid
    widest, in_row = _max_along(x, _COLS, cols)
    y, of_rows = _max_along(widest, _ROWS, rows)
    return y, (in_row, of_rows)


def max_pool_adjoint(dy: Array, winners: Sequence[Array], grid: Grid) -> Array:
    """dx (N, C, H, W): every dy goes to the element that won."""
    rows, cols = grid
    in_row, of_rows = winners
    return _max_along_adjoint(_max_along_adjoint(dy, of_rows, _ROWS, rows), in_row, _COLS, cols)


def sum_pool(x: Array, grid: Grid) -> Array:
    """y (N, C, OH, OW), the sum of every window, padding counted as zeros."""
    rows, cols = grid
    return _sum_along(_sum_along(x, _COLS, cols), _ROWS, rows)


def sum_pool_adjoint(dy: Array, grid: Grid) -> Array:
    """dx (N, C, H, W): every dy goes to all elements of its window."""
    rows, cols = grid
    return _sum_along_adjoint(_sum_along_adjoint(dy, _ROWS, rows), _COLS, cols)


def window_counts(grid: Grid) -> list[list[int]]:
    """How many elements of the image lie in each window, (OH, OW), padding left out."""
    down, across = ([_inside(axis, o) for o in range(axis.out)] for axis in grid)
    return [[n * m for m in across] for n in down]


def _inside(axis: Axis, o: int) -> int:
    start = o * axis.stride - axis.before
    return min(start + axis.kernel, axis.size) - max(start, 0)


def _max_along(x: Array, dim: int, axis: Axis) -> tuple[Array, Array]:
    """Maxima along one axis, and the tap of the first element that reaches each."""
    y = _zeros(x, dim, axis.out)
    winner = np.zeros_like(y, dtype=np.min_scalar_type(axis.kernel), subok=False)
    reached = axis.out  # outputs from here on have met an element of the image
    for j in range(axis.kernel):
        to, at = axis.tap(j)
        fresh = slice(to.start, min(reached, to.stop))  # meet their first element with this tap
        if fresh.start < fresh.stop:
            reach = at.start + (fresh.stop - fresh.start - 1) * axis.stride + 1
            _cut(y, dim, fresh)[...] = _cut(x, dim, slice(at.start, reach, axis.stride))
            _cut(winner, dim, fresh)[...] = j
        rest = slice(max(fresh.start, fresh.stop), to.stop)
        if rest.start < rest.stop:
            skip = (rest.start - to.start) * axis.stride
            tap, best = _cut(x, dim, slice(at.start + skip, at.stop, axis.stride)), _cut(y, dim, rest)
            np.copyto(_cut(winner, dim, rest), j, where=tap > best)
            np.maximum(best, tap, out=best)
        reached = min(reached, to.start) if to.stop else reached
    return y, winner


def _max_along_adjoint(dy: Array, winner: Array, dim: int, axis: Axis) -> Array:
    dy = laid_like(dy, winner)
    dx = _zeros(dy, dim, axis.size)
    for j in range(axis.kernel):
        to, at = axis.tap(j)
        read = _cut(dx, dim, at)
        read += _cut(dy, dim, to) * (_cut(winner, dim, to) == j)
    return dx


def _sum_along(x: Array, dim: int, axis: Axis) -> Array:
    y = _zeros(x, dim, axis.out)
    for j in range(axis.kernel):
        to, at = axis.tap(j)
        sums = _cut(y, dim, to)
        sums += _cut(x, dim, at)
    return y


def _sum_along_adjoint(dy: Array, dim: int, axis: Axis) -> Array:
    dx = _zeros(dy, dim, axis.size)
    for j in range(axis.kernel):
        to, at = axis.tap(j)
        read = _cut(dx, dim, at)
        read += _cut(dy, dim, to)
    return dx


def _zeros(x: Array, dim: int, size: int) -> Array:
    """Zeros like x, in its memory order, with another size along one axis."""
    return np.zeros_like(x, shape=(*x.shape[:dim], size, *x.shape[dim + 1 :]), subok=False)


def _cut(x: Array, dim: int, where: slice) -> Array:
    return x[(slice(None),) * dim + (where,)]
