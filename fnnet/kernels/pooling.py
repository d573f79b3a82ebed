"""Pooling and its adjoints, one axis after the other, in whatever memory order the images lie.

A window's maximum is the maximum over its rows of the maxima along them, its sum the sum of its rows' sums: kH + kW
passes instead of kH · kW. Reducing the width first makes ties fall to the first element in row-major order: the first
row that holds the maximum, and in it the first place.
"""

from collections.abc import Callable, Sequence

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
    """Maxima along one axis, and the tap of the first element that reaches each.

    An output meets its first element with tap 0, or, if that lies in the padding, with the first tap that does not.
    """
    if _tiles(axis) and axis.kernel == 2:  # two passes instead of six
        first, second = (_cut(x, dim, at) for _, at in axis.taps)
        return np.maximum(first, second), (second > first).view(np.uint8)
    y = _like(np.empty_like, x, dim, axis.out)
    winner = np.zeros_like(y, dtype=np.min_scalar_type(axis.kernel), subok=False)
    met = axis.out  # this and all further outputs have met an element
    for j, (to, at) in enumerate(axis.taps):
        if to.stop == 0:
            continue
        fresh, old = slice(to.start, min(met, to.stop)), slice(max(min(met, to.stop), to.start), to.stop)
        tap = _cut(x, dim, at)
        if fresh.start < fresh.stop:
            _cut(y, dim, fresh)[...] = _cut(tap, dim, slice(0, fresh.stop - to.start))
            _cut(winner, dim, fresh)[...] = j
        if old.start < old.stop:
            tap, best, place = (
                _cut(tap, dim, slice(old.start - to.start, None)),
                _cut(y, dim, old),
                _cut(winner, dim, old),
            )
            better = np.multiply(tap > best, j, dtype=winner.dtype, casting="unsafe")
            np.maximum(place, better, out=place)
            np.maximum(best, tap, out=best)
        met = min(met, to.start)
    return y, winner


def _max_along_adjoint(dy: Array, winner: Array, dim: int, axis: Axis) -> Array:
    dy = laid_like(dy, winner)
    dx = _like(np.empty_like if _tiles(axis) else np.zeros_like, dy, dim, axis.size)
    for j, (to, at) in enumerate(axis.taps):
        share, won, read = _cut(dy, dim, to), _cut(winner, dim, to) == j, _cut(dx, dim, at)
        if axis.kernel <= axis.stride:  # windows apart: nothing else goes here
            np.multiply(share, won, out=read)
        else:
            read += share * won
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
