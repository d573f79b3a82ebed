"""Depthwise convolution: every channel with its own windows; nothing is summed over channels.

    y[c·m + r, p, …] = b + Σ_j w[c·m + r, 0, j] · x[c, p·s + j·d - a, …]

of m outputs a channel. Arrays are batch-last, (C, …, N); channels go in blocks that stay in the cache.

*Taps*: y is the sum over taps of x, shifted, times a number.

*Bands*: where rows of an image are short and the batch is not. The kH rows that a row of windows reads lie one after
the other in memory and are a matrix (kH·W, N) without a copy; a row of y is one product with the band (Toeplitz)
matrix (OW, kH·W) of the channel, B[q, i·W + q·t + j·e - b] = w[i, j]. Most of it are zeros, but BLAS multiplies by
them in less time than every tap takes to pass over the memory. The input gradient is the same with the adjoint matrix,
kernel rows turned round, over rows of dy that stand a stride apart among zeros.

The weight gradient is a dot product for each tap, all taps of some channels before the next channels.
"""

import itertools
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

from fnnet.kernels.convolution.unrolling import view
from fnnet.kernels.windows import Axes, Axis
from fnnet.types import Array

Place: TypeAlias = tuple[Any, ...]  # an index

_BLOCK, _DOTTED = 1 << 15, 1 << 17  # elements of x at a time; and for dot products, of which each call makes many
_BAND, _BATCH = 32, 8  # elements of a row at most, and examples at least, for bands


def depthwise(z: Array, weight: Array, bias: Array | None, axes: Axes) -> Array:
    """y (C·m, …, N) of z (C, …, N) and weight (C·m, 1, …)."""
    c, n = len(z), z.shape[-1]
    w = weight.reshape(c, -1, *weight.shape[2:])
    y = np.empty((*w.shape[:2], *(axis.out for axis in axes), n), z.dtype)
    if _takes_bands(axes, n):
        rows, cols = axes
        bands = _band_matrices(w, cols).transpose(0, 1, 3, 2, 4).reshape(c, -1, cols.out, rows.kernel * cols.size)
        for part, read in _row_windows(z, rows.before, 1, rows.kernel, rows.stride, rows.out):
            for r in range(y.shape[1]):
                np.matmul(bands[part, r, None], read, out=y[part, r])
    else:
        y[...] = 0
        for part, (tap, to, at) in itertools.product(_channel_blocks(z, _BLOCK), _places(axes)):
            for r in range(y.shape[1]):
                sums = y[part, r][to]
                sums += w[(part, r, *tap)].reshape(-1, *(1,) * (z.ndim - 1)) * z[part][at]
    if bias is not None:
        y += bias.reshape(*y.shape[:2], *(1,) * (z.ndim - 1))
    return y.reshape(len(weight), *y.shape[2:])


def depthwise_weight_gradient(z: Array, dz: Array, axes: Axes) -> Array:
    """dw (C·m, 1, …)."""
    dy = dz.reshape(len(z), -1, *dz.shape[1:])
    dw = np.zeros((*dy.shape[:2], *(axis.kernel for axis in axes)), z.dtype)
    rest = tuple(range(1, z.ndim))
    for part, (tap, to, at) in itertools.product(_channel_blocks(z, _DOTTED), _places(axes)):
        read = z[part][at]
        rows, n = read.shape[:-2], read.shape[-2] * read.shape[-1]
        for r in range(dy.shape[1]):
            place: Place = (part, r, *tap)
            products = dy[part, r][to].reshape(*rows, 1, n) @ read.reshape(*rows, n, 1)
            dw[place] = products.sum(axis=rest)
    return dw.reshape(len(dz), 1, *dw.shape[2:])


def depthwise_input_gradient(dz: Array, weight: Array, axes: Axes, channels: int) -> Array:
    """dx (C, …, N)."""
    dy = dz.reshape(channels, -1, *dz.shape[1:])
    w = weight.reshape(*dy.shape[:2], *weight.shape[2:])
    dx = np.zeros((channels, *(axis.size for axis in axes), dz.shape[-1]), dz.dtype)
    if _takes_bands(axes, dz.shape[-1]):
        rows, cols = axes
        bands = _band_matrices(w[:, :, ::-1], cols).transpose(0, 1, 4, 2, 3)
        bands = bands.reshape(channels, -1, cols.size, rows.kernel * cols.out)
        for r in range(dy.shape[1]):
            first = rows.kernel - 1 - rows.before
            for part, read in _row_windows(dy[:, r], first, rows.stride, rows.kernel, 1, rows.size):
                if r == 0:
                    np.matmul(bands[part, r, None], read, out=dx[part])
                else:
                    dx[part] += bands[part, r, None] @ read
    else:
        for part, (tap, to, at) in itertools.product(_channel_blocks(dx, _BLOCK), _places(axes)):
            for r in range(dy.shape[1]):
                sums = dx[part][at]
                sums += w[(part, r, *tap)].reshape(-1, *(1,) * (dx.ndim - 1)) * dy[part, r][to]
    return dx


def _takes_bands(axes: Axes, n: int) -> bool:
    """Whether images of n examples go by bands."""
    return len(axes) == 2 and axes[0].dilation == 1 and axes[1].size <= _BAND and n >= _BATCH


def _channel_blocks(z: Array, most: int) -> list[slice]:
    """Channels in blocks of at most so many elements, or one by one."""
    step = max(1, most * len(z) // max(z.size, 1))
    return [slice(a, a + step) for a in range(0, len(z), step)]


def _row_windows(z: Array, first: int, apart: int, kernel: int, stride: int, out: int) -> Iterator[tuple[slice, Array]]:
    """Blocks of channels of z (C, H, W, N), and what their rows of windows read, as matrices (…, out, kernel · W, N).

    The rows of z stand `apart` among zeros, the first of them at `first`, which may be before what is read. The
    matrices overlap, and live until the next block.
    """
    _, h, width, n = z.shape
    reach = (out - 1) * stride + kernel
    begin = max(0, -(first // apart))  # of the rows of z, up to the last that is reached
    end = min(h, max(begin, -((first - reach) // apart)))
    blocks = _channel_blocks(z, _BLOCK)
    room = np.zeros((blocks[0].stop, reach, width, n), z.dtype)
    to = slice(first + begin * apart, first + end * apart, apart)
    for part in blocks:
        own = z[part, begin:end]
        room[: len(own), to] = own
        channel, row, _, element = room.strides
        shape = len(own), out, kernel * width, n
        yield part, view(room, shape, (channel, stride * row, n * element, element))


def _band_matrices(w: Array, axis: Axis) -> Array:
    """w (…, k) as matrices (…, OW, W) that multiply the elements of an axis."""
    bands = np.zeros((*w.shape[:-1], axis.out, axis.size), w.dtype)
    for j, (to, at) in enumerate(axis.taps):
        bands[..., range(to.start, to.stop), range(at.start, at.stop, at.step)] = w[..., j, None]
    return bands


def _places(axes: Axes) -> Iterator[tuple[tuple[int, ...], Place, Place]]:
    """Of every tap its place in the weight, and where in y and x, behind the channels, it is met."""
    for tap in itertools.product(*(range(axis.kernel) for axis in axes)):
        met = [axis.taps[j] for axis, j in zip(axes, tap, strict=True)]
        yield tap, (slice(None), *(to for to, _ in met)), (slice(None), *(at for _, at in met))
