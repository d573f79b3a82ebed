"""Pooling and its adjoints, one axis after the other, in whatever memory order the images lie.

A window's maximum is the maximum over its rows of the maxima along them, its sum the sum of its rows' sums: kH + kW
passes instead of kH · kW. Reducing the width first makes ties fall to the first element in row-major order: the first
row that holds the maximum, and in it the first place.
"""

from collections.abc import Callable

import numpy as np

from fnnet.kernels.order import laid_like
from fnnet.kernels.windows import Axis, Grid
from fnnet.types import Array

_ROWS, _COLS = 2, 3  # of (N, C, H, W)


def window_max(x: Array, grid: Grid) -> tuple[Array, Array]:
    """y (N, C, OH, OW), the largest element of every window, and the maxima along the width on the way to it.

    Padding is never read, so it never wins; every window must reach into the image.
    """
    rows, cols = grid
    widest = _max_along(x, _COLS, cols)
    return _max_along(widest, _ROWS, rows), widest


def window_max_adjoint(dy: Array, x: Array, widest: Array, y: Array, grid: Grid) -> Array:
    """dx (N, C, H, W): every dy goes to the element that won. Who won is found here, so a forward alone costs less."""
    rows, cols = grid
    return _max_along_adjoint(_max_along_adjoint(dy, widest, y, _ROWS, rows), x, widest, _COLS, cols)


def window_sum(x: Array, grid: Grid) -> Array:
    """y (N, C, OH, OW), the sum of every window, padding counted as zeros."""
    rows, cols = grid
    return _sum_along(_sum_along(x, _COLS, cols), _ROWS, rows)


def window_sum_adjoint(dy: Array, grid: Grid) -> Array:
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


def _max_along(x: Array, dim: int, axis: Axis) -> Array:
    """Maxima along one axis. An output meets its first element with the first tap that is not in the padding."""
    if _tiles(axis) and axis.kernel > 1:
        (_, first), (_, second) = axis.taps[:2]
        y = np.maximum(_cut(x, dim, first), _cut(x, dim, second))
        for _, at in axis.taps[2:]:
            np.maximum(y, _cut(x, dim, at), out=y)
        return y
    y = _like(np.empty_like, x, dim, axis.out)
    met = axis.out  # this and all further outputs have met an element
    for to, at in axis.taps:
        if to.stop == 0:
            continue
        fresh, old = slice(to.start, min(met, to.stop)), slice(max(min(met, to.stop), to.start), to.stop)
        tap = _cut(x, dim, at)
        if fresh.start < fresh.stop:
            _cut(y, dim, fresh)[...] = _cut(tap, dim, slice(0, fresh.stop - to.start))
        if old.start < old.stop:
            best = _cut(y, dim, old)
            np.maximum(best, _cut(tap, dim, slice(old.start - to.start, None)), out=best)
        met = min(met, to.start)
    return y


def _max_along_adjoint(dy: Array, x: Array, y: Array, dim: int, axis: Axis) -> Array:
    """Tap by tap: one that is less than the maximum passes dy on, the first that is not takes it."""
    dy = laid_like(dy, y)
    if _tiles(axis):
        dx = _like(np.empty_like, dy, dim, axis.size)
        for _, at in axis.taps[:-1]:
            passed = dy * (_cut(x, dim, at) < y)
            np.subtract(dy, passed, out=_cut(dx, dim, at))
            dy = passed
        _cut(dx, dim, axis.taps[-1][1])[...] = dy
        return dx
    dx, dy = _like(np.zeros_like, dy, dim, axis.size), dy.copy(order="K")
    for to, at in axis.taps:
        share, read = _cut(dy, dim, to), _cut(dx, dim, at)
        passed = share * (_cut(x, dim, at) < _cut(y, dim, to))
        read += share - passed
        share[...] = passed
    return dx


def _sum_along(x: Array, dim: int, axis: Axis) -> Array:
    if _tiles(axis) and axis.kernel > 1:
        (_, first), (_, second) = axis.taps[:2]
        y = _cut(x, dim, first) + _cut(x, dim, second)
        begun = 2
    else:
        y, begun = _like(np.zeros_like, x, dim, axis.out), 0
    for to, at in axis.taps[begun:]:
        sums = _cut(y, dim, to)
        sums += _cut(x, dim, at)
    return y


def _sum_along_adjoint(dy: Array, dim: int, axis: Axis) -> Array:
    dx = _like(np.empty_like if _tiles(axis) else np.zeros_like, dy, dim, axis.size)
    for to, at in axis.taps:
        read = _cut(dx, dim, at)
        if axis.kernel <= axis.stride:
            read[...] = _cut(dy, dim, to)
        else:
            read += _cut(dy, dim, to)
    return dx


def _tiles(axis: Axis) -> bool:
    """Whether every element of the image lies in exactly one window, and no window reaches out of the image."""
    return axis.kernel == axis.stride and axis.before == 0 and axis.out * axis.kernel == axis.size == axis.padded


def _like(make: Callable[..., Array], x: Array, dim: int, size: int) -> Array:
    """A new array like x, in its memory order, with another size along one axis."""
    return make(x, shape=(*x.shape[:dim], size, *x.shape[dim + 1 :]), subok=False)


def _cut(x: Array, dim: int, where: slice) -> Array:
    return x[(slice(None),) * dim + (where,)]
