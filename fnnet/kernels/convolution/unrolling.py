"""Windows of batch-last images as matrices, unrolled along the width alone.

Full im2col copies every element kH · kW times. Here a row of the image is copied kW times, side by side for the kW
taps, into `unrolled` (rows, C, kW, OW, N); the kH rows that a row of windows reads then lie one after the other, and
*are* a matrix (kH · C · kW, OW · N) without a further copy. The matrices of neighbouring rows overlap in memory.

Of a few images the full copy is small, and one product with it takes less time than one for each row: `columns`.
"""

from collections.abc import Sequence
from math import prod

import numpy as np

from fnnet.kernels.windows import Axis, Grid
from fnnet.types import Array


def unroll(x: Array, grid: Grid, out: Array | None = None) -> Array:
    """All padded rows of x (C, H, W, N), unrolled: (padded H, C, kW, OW, N).

    Args:
        x: batch-last images, C-contiguous.
        grid: the windows; parts of axes unroll parts of images.
        out: memory that may be overwritten, one-dimensional and large enough.
    """
    rows, cols = grid
    shape = rows.padded, len(x), cols.kernel, cols.out, x.shape[3]
    unrolled = np.empty(shape, x.dtype) if out is None else out[: prod(shape)].reshape(shape)
    first = max(rows.before, 0)
    last = max(min(rows.before + rows.size, rows.padded), first)
    if last - first < rows.padded:
        unrolled[:first] = 0
        unrolled[last:] = 0
    image = x[:, first - rows.before : last - rows.before].transpose(1, 0, 2, 3)
    inside, inner = unrolled[first:last], cols.inner
    if inner.start < inner.stop:  # windows inside the image: all taps in one copy
        row, channel, col, element = image.strides
        start = (first - rows.before) * row + (inner.start * cols.stride - cols.before) * col
        taps = (*inside.shape[:3], inner.stop - inner.start, x.shape[3])
        inside[:, :, :, inner] = view(x, taps, (row, channel, col, cols.stride * col, element), start)
    if inner.stop - inner.start < cols.out:
        _unroll_edges(image, inside, cols)
    return unrolled


def _unroll_edges(image: Array, out: Array, cols: Axis) -> None:
    """The windows that reach out of the image, tap by tap: image (rows, C, W, N), out (rows, C, kW, OW, N)."""
    inner = cols.inner
    for j, (to, at) in enumerate(cols.taps):
        tap = out[:, :, j]
        tap[:, :, : to.start] = 0
        tap[:, :, to.stop :] = 0
        for left, right in ((to.start, min(to.stop, inner.start)), (max(to.start, inner.stop), to.stop)):
            if left < right:
                read = slice(at.start + (left - to.start) * cols.stride, at.start + (right - to.start) * cols.stride)
                tap[:, :, left:right] = image[:, :, read.start : read.stop : cols.stride]


def unroll_adjoint(dunrolled: Array, grid: Grid) -> Array:
    """All padded rows (padded H, C, kW, OW, N) back to dx (C, H, W, N): entries of one element are summed."""
    rows, cols = grid
    inside = dunrolled[rows.before : rows.before + rows.size].transpose(1, 0, 2, 3, 4)
    dx = np.zeros((inside.shape[0], rows.size, cols.size, inside.shape[4]), dunrolled.dtype)
    for j, (to, at) in enumerate(cols.taps):
        dx[:, :, at] += inside[:, :, j, to]
    return dx


def columns(x: Array, grid: Grid) -> Array:
    """Every window of x (C, H, W, N) as a column: the matrix (C · kH · kW, OH · OW · N), a copy."""
    rows, cols = grid
    if rows.padded > rows.size or cols.padded > cols.size:
        padded = np.zeros((len(x), rows.padded, cols.padded, x.shape[3]), x.dtype)
        padded[:, rows.before : rows.before + rows.size, cols.before : cols.before + cols.size] = x
        x = padded
    channel, row, col, element = x.strides
    shape = len(x), rows.kernel, cols.kernel, rows.out, cols.out, x.shape[3]
    seen = view(x, shape, (channel, row, col, rows.stride * row, cols.stride * col, element))
    return seen.reshape(prod(shape[:3]), -1)


def windows(unrolled: Array, rows: Axis, q: int) -> Array:
    """What q neighbouring rows of windows read, as matrices (OH / q, R · C · kW, OW · N) with R rows each.

    R = (q - 1) · stride + kH. An overlapping view, only to be read; q divides OH.
    """
    _, channels, taps, out, n = unrolled.shape
    row, _, tap, _, element = unrolled.strides
    shape = rows.out // q, rows.reach(q) * channels * taps, out * n
    return view(unrolled, shape, (q * rows.stride * row, tap, element))


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
    return view(full, (o, q, rows.kernel, c, kw), (s[0], s[1] + rows.stride * s[2], *s[2:]))


def view(a: Array, shape: Sequence[int], strides: Sequence[int], offset: int = 0) -> Array:
    """The memory of a C-contiguous array seen with other strides; NumPy checks that nothing outside is reached."""
    return np.ndarray(shape, a.dtype, a, offset, strides)
