"""Depthwise convolution: every channel with its own windows; nothing is summed over channels.

    y[c·m + r, p, …] = b + Σ_j w[c·m + r, 0, j] · x[c, p·s + j·d - a, …]

of m outputs a channel. Arrays are batch-last, (C, …, N); channels go in blocks that stay in the cache.

*Taps*: y is the sum over taps of x, shifted, times a number. *Bands*: where the last axis is short and the batch is
not, its taps are one product with a band (Toeplitz) matrix for each channel, B[q, q·s + j·d - a] = w[j]: most of it are
zeros, but BLAS multiplies by them in less time than every tap takes to pass over the memory. The weight gradient is a
dot product for each tap.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np

from fnnet.kernels.windows import Axes, Axis
from fnnet.types import Array

Place: TypeAlias = tuple[Any, ...]  # an index

_BLOCK = 1 << 15  # elements of x at a time
_BAND, _BATCH = 32, 8  # elements of an axis at most, and examples at least, for bands


def depthwise(z: Array, weight: Array, bias: Array | None, axes: Axes) -> Array:
    """y (C·m, …, N) of z (C, …, N) and weight (C·m, 1, …)."""
    y = np.zeros((len(z), len(weight) // len(z), *(axis.out for axis in axes), z.shape[-1]), z.dtype)
    if bias is not None:
        y += bias.reshape(*y.shape[:2], *(1,) * (z.ndim - 1))
    times, factors = _factors(weight.reshape(*y.shape[:2], *weight.shape[2:]), axes, z.shape[-1])
    for part in _channel_blocks(z):
        for factor, to, at in factors:
            for r in range(y.shape[1]):
                sums = y[part, r][to]
                sums += times(factor[part, r], z[part][at])
    return y.reshape(len(weight), *y.shape[2:])


def depthwise_weight_gradient(z: Array, dz: Array, axes: Axes) -> Array:
    """dw (C·m, 1, …)."""
    dy = dz.reshape(len(z), -1, *dz.shape[1:])
    dw = np.zeros((*dy.shape[:2], *(axis.kernel for axis in axes)), z.dtype)
    rest = tuple(range(1, z.ndim))
    for tap, to, at in _places(axes):
        read = z[at]
        rows, n = read.shape[:-2], read.shape[-2] * read.shape[-1]
        for r in range(dy.shape[1]):
            place: Place = (slice(None), r, *tap)
            products = dy[:, r][to].reshape(*rows, 1, n) @ read.reshape(*rows, n, 1)
            dw[place] = products.sum(axis=rest)
    return dw.reshape(len(dz), 1, *dw.shape[2:])


def depthwise_input_gradient(dz: Array, weight: Array, axes: Axes, channels: int) -> Array:
    """dx (C, …, N)."""
    dy = dz.reshape(channels, -1, *dz.shape[1:])
    dx = np.zeros((channels, *(axis.size for axis in axes), dz.shape[-1]), dz.dtype)
    times, factors = _factors(weight.reshape(*dy.shape[:2], *weight.shape[2:]), axes, dz.shape[-1])
    for part in _channel_blocks(dx):
        for factor, to, at in factors:
            for r in range(dy.shape[1]):
                sums = dx[part][at]
                sums += times(factor[part, r].swapaxes(-1, -2), dy[part, r][to])
    return dx


def _channel_blocks(z: Array) -> Iterator[slice]:
    """Channels in blocks."""
    step = max(1, _BLOCK * len(z) // max(z.size, 1))
    return (slice(a, a + step) for a in range(0, len(z), step))


def _factors(w: Array, axes: Axes, n: int) -> tuple[Callable[..., Array], list[tuple[Array, Place, Place]]]:
    """How x is multiplied, and by what (C, m, …), with the places in y and x, behind the channels, that meet so.

    Numbers (1, 1) of each tap; or band matrices (OW, W) of each tap of all axes but the last.
    """
    times: Callable[..., Array]
    if axes[-1].size > _BAND or n < _BATCH:
        times, ways, matrices = np.multiply, axes, w[..., None, None]
    else:
        times, ways, matrices = np.matmul, axes[:-1], _band_matrices(w, axes[-1])
    ones = (1,) * (len(axes) - 1)
    found = []
    for tap, to, at in _places(ways):
        place: Place = (slice(None), slice(None), *tap)
        found.append((matrices[place].reshape(*w.shape[:2], *ones, *matrices.shape[-2:]), to, at))
    return times, found


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
