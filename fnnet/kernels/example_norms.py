"""The length of each example's own gradient, without the gradient of a batch taken apart.

Of an affine map the gradient of one example is an outer product, whose length is a product of lengths:

    gₙ = xₙ dyₙᵀ,    ‖gₙ‖ = ‖xₙ‖ ‖dyₙ‖

Of a convolution it is the product of two matrices, of the L windows of x (L, C·kH·kW) and of dy (L, O). Either the
product is squared or the two Gram matrices are multiplied, whichever takes fewer multiplications and keeps the digits:

    gₙ = Pₙᵀ Dₙ,    ‖gₙ‖² = Σ (Pₙᵀ Dₙ)² = Σ (Pₙ Pₙᵀ) (Dₙ Dₙᵀ)    element by element

All in float64, in units of each example's largest elements, so that no square leaves the range of numbers.
"""

import numpy as np

from fnnet.kernels.windows import Grid
from fnnet.types import Array

_CHUNK = 2**20  # elements of windows at a time
_CANCELS = 1e-4  # the share of ‖P‖² ‖D‖² below which a sum of products has lost too many digits


def affine_norms(x: Array, dy: Array, bias: bool) -> Array:
    """(N,) of x (N, D) and dy (N, K); with `bias`, of the gradient by weight and bias together."""
    own = row_norms(x)
    return row_norms(dy) * (np.hypot(own, 1.0) if bias else own)


def convolution_norms(x: Array, dy: Array, grid: Grid, bias: bool) -> Array:
    """(N,) of x (N, C, H, W) and dy (N, O, OH, OW); with `bias`, of the gradient by weight and bias together."""
    n, channels = x.shape[:2]
    windows, taps, outputs = grid[0].out * grid[1].out, channels * grid[0].kernel * grid[1].kernel, dy.shape[1]
    x, x_unit = _in_units(x.reshape(n, -1))
    d, d_unit = _in_units(dy.reshape(n, -1))
    images, d = x.reshape(n, channels, grid[0].size, grid[1].size), d.reshape(n, outputs, windows)
    weights = np.empty(n)
    by_gram = windows * (taps + outputs) < taps * outputs
    chunk = max(1, _CHUNK // (windows * max(taps, windows if by_gram else 1)))
    for a in range(0, n, chunk):
        p, own = _windows(images[a : a + chunk], grid), d[a : a + chunk]
        weights[a : a + chunk] = _by_gram(p, own) if by_gram else _by_product(p, own)
    weights *= x_unit
    return (np.hypot(weights, row_norms(d.sum(axis=2))) if bias else weights) * d_unit


def _by_product(p: Array, d: Array) -> Array:
    return row_norms((d @ p).reshape(len(p), -1))


def _by_gram(p: Array, d: Array) -> Array:
    """The same, where a sum in which much cancels, so that digits are lost, is not taken."""
    windows, outputs = p @ p.transpose(0, 2, 1), d.transpose(0, 2, 1) @ d
    squares = (windows * outputs).sum(axis=(1, 2))
    lost = squares < _CANCELS * np.trace(windows, axis1=1, axis2=2) * np.trace(outputs, axis1=1, axis2=2)
    norms = np.sqrt(np.where(lost, 0, squares))
    if lost.any():
        norms[lost] = _by_product(p[lost], d[lost])
    return norms


def row_norms(rows: Array) -> Array:
    """√Σ x² of each row of (N, D), in float64."""
    scaled, unit = _in_units(rows)
    return np.sqrt((scaled * scaled).sum(axis=1)) * unit


def _in_units(rows: Array) -> tuple[Array, Array]:
    """Rows in float64 divided by their largest |x|, and what each was divided by: 1 for a row of zeros."""
    rows = rows.astype(np.float64)
    unit = np.abs(rows).max(axis=1, initial=0)
    unit = np.where(unit > 0, unit, 1.0)
    return rows / unit[:, None], unit


def _windows(images: Array, grid: Grid) -> Array:
    """(N, C, H, W) -> (N, L, C·kH·kW), zero where a window lies outside."""
    rows, cols = grid
    padded = np.pad(images, ((0, 0), (0, 0), (rows.before, rows.after), (cols.before, cols.after)))
    views = np.lib.stride_tricks.sliding_window_view(padded, (rows.kernel, cols.kernel), (2, 3))
    views = views[:, :, :: rows.stride, :: cols.stride].transpose(0, 2, 3, 1, 4, 5)
    return views.reshape(len(images), rows.out * cols.out, -1)
