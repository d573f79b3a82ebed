"""Depthwise convolution: every channel with its own windows, tap by tap; nothing is summed over channels.

    y[c·m + r, p, …] = b + Σ_j w[c·m + r, 0, j] · x[c, p·s + j·d - a, …]

of m outputs a channel. Arrays are batch-last, (C, …, N); channels go in blocks that stay in the cache.
"""

import itertools
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

from fnnet.kernels.windows import Axes
from fnnet.types import Array

Place: TypeAlias = tuple[Any, ...]  # an index

_BLOCK = 1 << 15  # elements of x at a time


def depthwise(z: Array, weight: Array, bias: Array | None, axes: Axes) -> Array:
    """y (C·m, …, N) of z (C, …, N) and weight (C·m, 1, …)."""
    y = np.zeros((len(z), len(weight) // len(z), *(axis.out for axis in axes), z.shape[-1]), z.dtype)
    if bias is not None:
        y += bias.reshape(*y.shape[:2], *(1,) * (z.ndim - 1))
    w = weight.reshape(*y.shape[:2], *weight.shape[2:])
    for part in _channel_blocks(z):
        for tap, to, at in _places(axes):
            for r in range(y.shape[1]):
                sums = y[part, r][to]
                sums += z[part][at] * _factors(w[part, r], tap, z.ndim)
    return y.reshape(len(weight), *y.shape[2:])


def depthwise_weight_gradient(z: Array, dz: Array, axes: Axes) -> Array:
    """dw (C·m, 1, …)."""
    dy = dz.reshape(len(z), -1, *dz.shape[1:])
    dw = np.zeros((*dy.shape[:2], *(axis.kernel for axis in axes)), z.dtype)
    rest = tuple(range(1, z.ndim))
    for part in _channel_blocks(z):
        for tap, to, at in _places(axes):
            for r in range(dy.shape[1]):
                place: Place = (part, r, *tap)
                dw[place] = (dy[part, r][to] * z[part][at]).sum(axis=rest)
    return dw.reshape(len(dz), 1, *dw.shape[2:])


def depthwise_input_gradient(dz: Array, weight: Array, axes: Axes, channels: int) -> Array:
    """dx (C, …, N)."""
    dy = dz.reshape(channels, -1, *dz.shape[1:])
    w = weight.reshape(*dy.shape[:2], *weight.shape[2:])
    dx = np.zeros((channels, *(axis.size for axis in axes), dz.shape[-1]), dz.dtype)
    for part in _channel_blocks(dx):
        for tap, to, at in _places(axes):
            for r in range(dy.shape[1]):
                sums = dx[part][at]
                sums += dy[part, r][to] * _factors(w[part, r], tap, dx.ndim)
    return dx


def _channel_blocks(z: Array) -> Iterator[slice]:
    """Channels in blocks."""
    step = max(1, _BLOCK * len(z) // max(z.size, 1))
    return (slice(a, a + step) for a in range(0, len(z), step))


def _places(axes: Axes) -> Iterator[tuple[tuple[int, ...], Place, Place]]:
    """Of every tap its place in the weight, and where in y and x, behind the channels, it is met."""
    for tap in itertools.product(*(range(axis.kernel) for axis in axes)):
        met = [axis.taps[j] for axis, j in zip(axes, tap, strict=True)]
        yield tap, (slice(None), *(to for to, _ in met)), (slice(None), *(at for _, at in met))


def _factors(w: Array, tap: tuple[int, ...], ndim: int) -> Array:
    """The weights of one tap, one a channel."""
    place: Place = (slice(None), *tap)
    return w[place].reshape(-1, *(1,) * (ndim - 1))
