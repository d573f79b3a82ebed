"""Convolutions band by band: q rows of windows are a matrix of unrolled rows, without a copy."""

from collections.abc import Iterator
from functools import lru_cache, reduce
from typing import TypeAlias

import numpy as np

from fnnet.kernels.convolution.cost import BLOCK, PIECE, Work, best_band, best_scatter
from fnnet.kernels.convolution.products import multiplied
from fnnet.kernels.convolution.unrolling import band, band_adjoint, unroll, unroll_adjoint, windows
from fnnet.kernels.windows import Grid
from fnnet.types import Array

Box: TypeAlias = tuple[slice, slice]  # rows and columns of y


def banded_forward(z: Array, weight: Array, bias: Array | None, grid: Grid, y: Array) -> None:
    """W X band by band."""
    q = best_band(Work(z.shape[3], len(z), len(weight), grid))
    w = band(weight, grid[0], q)
    for (down, across), matrices in _blocks(z, grid, q):
        part = y[:, down, across]
        if q == 1:
            multiplied(w, matrices, _bands(part, _ALL, 1))
        else:
            made = (w @ matrices).reshape(-1, len(y), q, *part.shape[2:])
            part.reshape(len(y), -1, q, *part.shape[2:])[...] = made.transpose(1, 0, 2, 3, 4)
        if bias is not None:
            part += bias[:, None, None, None]


def banded_gradient(z: Array, dz: Array, grid: Grid) -> Array:
    """(Σ X dyᵀ)ᵀ over all bands, folded."""
    rows, cols = grid
    q = best_band(Work(z.shape[3], len(z), len(dz), grid))
    parts = (
        np.add.reduce(x_bands @ _bands(dz, box, q).transpose(0, 2, 1), axis=0) for box, x_bands in _blocks(z, grid, q)
    )
    dband: Array = reduce(np.add, parts)
    return band_adjoint(np.ascontiguousarray(dband.T), (len(dz), len(z), rows.kernel, cols.kernel), rows, q)


def scattered_gradient(dz: Array, weight: Array, grid: Grid) -> Array:
    """Wᵀ dy band by band, its rows at once added to the rows that were read, while the cache holds them; then taps."""
    rows, cols = grid
    q = best_scatter(Work(dz.shape[3], weight.shape[1], len(dz), grid))
    w, row = band(weight, rows, q).T, (weight.shape[1], cols.kernel, cols.out, dz.shape[3])
    dwindows = np.empty((rows.reach(q), *row), dz.dtype)
    dmatrix, dy_bands = dwindows.reshape(len(w), -1), _bands(dz, _ALL, q)
    if q == rows.out and len(dwindows) == rows.padded:
        multiplied(w, dy_bands[0], dmatrix)
        return unroll_adjoint(dwindows, grid)
    dunrolled = np.zeros((rows.padded, *row), dz.dtype)
    for i, dy_band in enumerate(dy_bands):
        multiplied(w, dy_band, dmatrix)
        top = i * q * rows.stride
        dunrolled[top : top + len(dwindows)] += dwindows
    return unroll_adjoint(dunrolled, grid)


def _blocks(z: Array, grid: Grid, q: int) -> Iterator[tuple[Box, Array]]:
    """The boxes of y in turn, each with the matrices X of its bands; the matrices live until the next box."""
    parts = _boxes(len(z) * z.shape[3] * z.itemsize, grid, q, PIECE, BLOCK)
    memory = None
    if len(parts) > 1:
        rows, cols = parts[0][1]  # the first box is the largest
        memory = np.empty(rows.padded * len(z) * cols.kernel * cols.out * z.shape[3], z.dtype)
    for box, part in parts:
        yield box, windows(unroll(z, part, memory), part[0], q)


@lru_cache(maxsize=256)
def _boxes(pixel: int, grid: Grid, q: int, piece: int, block: int) -> list[tuple[Box, Grid]]:
    """Boxes of y, and the part of the grid that each reads; `pixel` is the bytes of one pixel of the whole batch."""
    rows, cols = grid
    one = pixel * cols.kernel  # bytes of an unrolled row for one window
    wide = _even(cols.out, max(piece // (one * rows.reach(q)), -(-4096 // pixel)))
    high = q * _even(rows.out // q, max(block // (one * wide * rows.stride) - rows.kernel, 4) // q + 1)
    return [
        ((slice(top, bottom), slice(left, right)), (rows.part(top, bottom), cols.part(left, right)))
        for left, right in _pieces(cols.out, wide)
        for top, bottom in _pieces(rows.out, high)
    ]


def _pieces(length: int, size: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + size, length)) for start in range(0, length, size))


def _even(length: int, most: int) -> int:
    """The size of equal pieces of a length, none above `most`."""
    return -(-length // -(-length // min(most, length)))


def _bands(z: Array, box: Box, q: int) -> Array:
    """A box of z (C, H, W, N) as matrices (rows / q, C · q, W · N), a view where q is 1."""
    part = z[:, box[0], box[1]]
    split = part.reshape(len(z), -1, q, part.shape[2] * part.shape[3])
    return split.transpose(1, 0, 2, 3).reshape(split.shape[1], -1, split.shape[3])


_ALL = slice(None), slice(None)
