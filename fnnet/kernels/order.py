"""Memory order: how the axes of a logical (N, C, H, W) array lie in memory.

Convolution leaves its images *batch-last*: in memory (C, H, W, N), the batch densest. One tap of a window is then a
slice of long contiguous runs, the columns of a convolution are one matrix without a transpose, and flattening an
example is free. NumPy's elementwise functions keep an order by themselves as long as all operands agree on it.
"""

import math
from collections.abc import Callable

import numpy as np

from fnnet.types import Array

_PAGE = 4096  # bytes: places so far apart share their room in the cache
_CLASH = 2**16  # bytes: from N · gcd(distance, page) on it is too little
_LINE, _SMALL = 64, 2**12  # bytes of a line; numbers of an array that is not worth it
_PIECE, _APART = 2048, 16  # numbers of each row at a time, and between them


def batch_last(x: Array) -> Array:
    """x (N, …) as a C-contiguous (…, N): a view where it already lies so, else a copy.

    >>> batch_last(np.zeros((5, 2, 3))).shape
    (2, 3, 5)
    """
    z = x.transpose(*range(1, x.ndim), 0)
    if z.flags.c_contiguous:
        return z
    if x.flags.c_contiguous and len(x) * math.gcd(x.strides[0], _PAGE) >= _CLASH:
        return _turned(x.reshape(len(x), -1)).reshape(z.shape)
    return np.ascontiguousarray(z)


def _turned(rows: Array) -> Array:
    """The transpose of a matrix, copied, where the rows begin at places that the cache of the processor keeps together.

    All rows are read at once, and it has no room for so many of that kind: each number would be fetched anew, which
    takes three times as long as it takes to copy pieces first, into rows of another distance.
    """
    n, length = rows.shape
    made, room = np.empty((length, n), rows.dtype), np.empty((n, _PIECE + _APART), rows.dtype)
    for start in range(0, length, _PIECE):
        piece = rows[:, start : start + _PIECE]
        here = room[:, : piece.shape[1]]
        here[...] = piece
        made[start : start + _PIECE] = here.T
    return made


def laid_last(x: Array) -> Array:
    """x (N, …) itself, but batch-last in memory: what several kernels read is brought there once.

    >>> laid_last(np.zeros((5, 2, 3))).strides
    (8, 120, 40)
    """
    return x if x.transpose(*range(1, x.ndim), 0).flags.c_contiguous else batch_first(batch_last(x))


def laid_deep(x: Array) -> Array:
    """x (N, C, D, H, W) itself, but in memory (C, H, W, D, N): convolution takes places in depth as examples.

    >>> laid_deep(np.zeros((5, 2, 3, 4, 4))).strides
    (8, 1920, 40, 480, 120)
    """
    return laid_last(x.transpose(0, 1, 3, 4, 2)).transpose(0, 1, 4, 2, 3)


def batch_first(z: Array) -> Array:
    """z (…, N) seen as (N, …): the inverse of `batch_last`, always a view.

    >>> batch_first(np.zeros((2, 3, 5))).shape
    (5, 2, 3)
    """
    return z.transpose(-1, *range(z.ndim - 1))


def laid_like(x: Array, other: Array) -> Array:
    """x in the memory order of `other`, which has its shape: x itself if it lies so already, else a copy.

    >>> laid_like(np.zeros((2, 3)), np.zeros((3, 2)).T).strides
    (8, 16)
    """
    if x.strides == other.strides:
        return x
    y = np.empty_like(other, dtype=x.dtype, subok=False)
    if x.strides == y.strides:
        return x
    y[...] = x
    return y


def on_lines(shape: tuple[int, ...], dtype: np.dtype) -> Array:
    """A new array that begins where a line of the cache of the processor does, if it is not small.

    NumPy adds or multiplies two arrays into a third in half the time where the third lies so; where memory comes from
    is chance otherwise.

    >>> on_lines((1000, 7), np.dtype(np.float32)).ctypes.data % 64
    0
    """
    size = math.prod(shape)
    if size < _SMALL:
        return np.empty(shape, dtype)
    lines = np.empty(size + _LINE // dtype.itemsize, dtype)
    start = -lines.__array_interface__["data"][0] % _LINE // dtype.itemsize
    return lines[start : start + size].reshape(shape)


def like_along(make: Callable[..., Array], x: Array, dim: int, size: int) -> Array:
    """A new array like x, in its memory order, with another size along one axis."""
    return make(x, shape=(*x.shape[:dim], size, *x.shape[dim + 1 :]), subok=False)


def cut(x: Array, dim: int, where: slice) -> Array:
    """The part of x that a slice of one axis is, a view."""
    return x[(slice(None),) * dim + (where,)]
