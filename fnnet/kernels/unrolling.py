"""Windows of batch-last images as matrices, unrolled along the width alone.

Full im2col copies every element kH · kW times. Here a row of the image is copied kW times, side by side for the kW
taps, into `unrolled` (rows, C, kW, OW, N); the kH rows that a row of windows reads then lie one after the other, and
*are* a matrix (kH · C · kW, OW · N) without a further copy. The matrices of neighbouring rows overlap in memory.
"""

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import as_strided

from fnnet.kernels.windows import Axis, Grid
from fnnet.types import Array


def unroll(x: Array, grid: Grid, out: Array | None = None) -> Array:
    """All padded rows of x (C, H, W, N), unrolled: (padded H, C, kW, OW, N).

    Args:
        x: batch-last images.
        grid: the windows; parts of axes unroll parts of images.
        out: memory that may be overwritten, with at least as many rows and windows.
    """
    rows, cols = grid
    if out is None:
        out = np.empty((rows.padded, len(x), cols.kernel, cols.out, x.shape[3]), x.dtype)
    out = out[: rows.padded, ..., : cols.out, :]
    first = max(rows.before, 0)
    last = max(min(rows.before + rows.size, rows.padded), first)
    out[:first] = 0
    out[last:] = 0
    image = x[:, first - rows.before : last - rows.before].transpose(1, 0, 2, 3)
    for j in range(cols.kernel):
        to, at = cols.tap(j)
        tap = out[first:last, :, j]
        tap[:, :, : to.start] = 0
        tap[:, :, to] = image[:, :, at]
        tap[:, :, to.stop :] = 0
    return out


def unroll_adjoint(dunrolled: Array, grid: Grid) -> Array:
    """All padded rows (padded H, C, kW, OW, N) back to dx (C, H, W, N): entries of one element are summed."""
    rows, cols = grid
    inside = dunrolled[rows.before : rows.before + rows.size].transpose(1, 0, 2, 3, 4)
    dx = np.zeros((inside.shape[0], rows.size, cols.size, inside.shape[4]), dunrolled.dtype)
    for j in range(cols.kernel):
        to, at = cols.tap(j)
        dx[:, :, at] += inside[:, :, j, to]
    return dx


def windows(unrolled: Array, rows: Axis, q: int) -> Array:
    """What q neighbouring rows of windows read, as matrices (OH / q, R · C · kW, OW · N) with R rows each.

    R = (q - 1) · stride + kH. An overlapping view, only to be read; q divides OH.
    """
    _, channels, taps, out, n = unrolled.shape
    row, _, tap, _, element = unrolled.strides
    shape = rows.out // q, rows.reach(q) * channels * taps, out * n
    return as_strided(unrolled, shape, (q * rows.stride * row, tap, element))


def band(weight: Array, rows: Axis, q: int) -> Array:
    """The weight (O, C, kH, kW) as the matrix that multiplies `windows`: (O · q, R · C · kW).

    Row (o, r) holds w[o] shifted down by r strides and zeros elsewhere: a band (Toeplitz) matrix.
    """
    o, c, _, kw = weight.shape
    if q == 1:
        return weight.transpose(0, 2, 1, 3).reshape(o, -1)
    full = np.zeros((o, q, rows.reach(q), c, kw), weight.dtype)
    _shifted(full, rows)[...] = weight.transpose(0, 2, 1, 3)[:, None]
    return full.reshape(o * q, -1)


def band_adjoint(dband: Array, shape: Sequence[int], rows: Axis, q: int) -> Array:
    """Sum what lies on the q shifts: (O · q, R · C · kW) → (O, C, kH, kW) in C order."""
    o, c, _, kw = shape
    summed = np.add.reduce(_shifted(dband.reshape(o, q, rows.reach(q), c, kw), rows), axis=1)
    return np.ascontiguousarray(summed.transpose(0, 2, 1, 3))


def _shifted(full: Array, rows: Axis) -> Array:
    """The band of (O, q, R, C, kW): row r's kH rows from r strides on, (O, q, kH, C, kW), a view."""
    o, q, _, c, kw = full.shape
    s = full.strides
    return as_strided(full, (o, q, rows.kernel, c, kw), (s[0], s[1] + rows.stride * s[2], *s[2:]))
