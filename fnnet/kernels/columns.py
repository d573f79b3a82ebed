"""im2col and its adjoint, on batch-last images.

Column (o, p, n) holds what the window at output (o, p) of example n reads: entry (c, i, j) is
x[c, o·s + i - a, p·t + j - b, n] for strides s, t and paddings a, b, zero outside the image.
"""

from itertools import product

import numpy as np

from fnnet.kernels.windows import Grid
from fnnet.types import Array


def columns(x: Array, grid: Grid) -> Array:
    """The windows of x (C, H, W, N) as (C, kH, kW, OH, OW, N): one slice copy for every tap."""
    rows, cols = grid
    shape = (x.shape[0], rows.kernel, cols.kernel, rows.out, cols.out, x.shape[3])
    padded = rows.padded > rows.size or cols.padded > cols.size
    out = np.zeros(shape, x.dtype) if padded else np.empty(shape, x.dtype)
    for i, j in product(range(rows.kernel), range(cols.kernel)):
        (to_row, at_row), (to_col, at_col) = rows.tap(i), cols.tap(j)
        out[:, i, j, to_row, to_col] = x[:, at_row, at_col]
    return out


def columns_adjoint(dcolumns: Array, grid: Grid) -> Array:
    """Every entry back to where it was read, entries of one place summed: (C, kH, kW, OH, OW, N) → (C, H, W, N)."""
    rows, cols = grid
    dx = np.zeros((dcolumns.shape[0], rows.size, cols.size, dcolumns.shape[5]), dcolumns.dtype)
    for i, j in product(range(rows.kernel), range(cols.kernel)):
        (to_row, at_row), (to_col, at_col) = rows.tap(i), cols.tap(j)
        dx[:, at_row, at_col] += dcolumns[:, i, j, to_row, to_col]
    return dx
