"""Two-dimensional cross-correlation and its two adjoints, as products with the matrix of columns.

    y[n, o, p, q] = b[o] + Σ_cij w[o, c, i, j] · x[n, c, p·s + i - a, q·t + j - b]

Images go in with any strides and come out batch-last (see `fnnet.kernels.order`).
"""

import numpy as np

from fnnet.kernels.columns import columns, columns_adjoint
from fnnet.kernels.order import batch_first, batch_last
from fnnet.kernels.windows import Grid
from fnnet.types import Array


def convolve(x: Array, weight: Array, bias: Array | None, grid: Grid) -> Array:
    """y (N, O, OH, OW) of x (N, C, H, W), weight (O, C, kH, kW), bias (O,): one product W · columns."""
    rows, cols = grid
    y = _matrix(weight) @ _columns(x, grid)
    if bias is not None:
        y += bias[:, None]
    return batch_first(y.reshape(len(weight), rows.out, cols.out, len(x)))


def convolve_weight_gradient(x: Array, dy: Array, grid: Grid) -> Array:
    """dW = dy · columnsᵀ, (O, C, kH, kW) in C order."""
    rows, cols = grid
    dw = _matrix(batch_last(dy)) @ _columns(x, grid).T
    return dw.reshape(dy.shape[1], x.shape[1], rows.kernel, cols.kernel)


def convolve_input_gradient(dy: Array, weight: Array, grid: Grid) -> Array:
    """dx: the columns Wᵀ · dy brought back to where they were read, (N, C, H, W) batch-last."""
    rows, cols = grid
    dcolumns = _matrix(weight).T @ _matrix(batch_last(dy))
    shape = (weight.shape[1], rows.kernel, cols.kernel, rows.out, cols.out, len(dy))
    return batch_first(columns_adjoint(dcolumns.reshape(shape), grid))


def _matrix(a: Array) -> Array:
    return a.reshape(len(a), -1)


def _columns(x: Array, grid: Grid) -> Array:
    z = columns(batch_last(x), grid)
    return z.reshape(np.prod(z.shape[:3]), -1)
