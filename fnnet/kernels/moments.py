"""Per-channel sums, moments and normalisation of (N, C, …): channels on axis 1, everything else averaged over.

With m values a channel, centred c = x - μ, and r = 1 / √(σ² + ε):

    μ = Σx / m,    σ² = Σc² / m,    y = g · r · c + b

The variance takes two passes (centre, then square), so it does not suffer from a large mean; the mean is summed in
float64, or its own rounding would reappear, squared, in the variance. On batch-last images BLAS sums each place's
numbers first, in a fifth of the time: so few that their sum is as exact as they are.
"""

import math

import numpy as np

from fnnet.kernels.order import laid_like
from fnnet.types import Array


def channel_sum(x: Array) -> Array:
    """Σ over all axes but the channels', (C,).

    On batch-last images rows are summed by BLAS, times a vector of ones, in less than half the time.
    """
    z = x.transpose(*range(1, x.ndim), 0)
    if x.ndim < 4 or not z.flags.c_contiguous:
        return np.add.reduce(x, axis=_rest(x))
    rows = z.reshape(z.shape[0], z.shape[1], -1)
    return np.add.reduce(rows @ np.ones(rows.shape[2], x.dtype), axis=1)


def channel_dot(x: Array, y: Array) -> Array:
    """Σ x · y over all axes but the channels', (C,); no conjugate.

    On batch-last images BLAS multiplies row by row and makes no array of products: half the bytes, a third of the time.
    """
    z, w = (a.transpose(*range(1, a.ndim), 0) for a in (x, y))
    if x.ndim < 4 or not (z.flags.c_contiguous and w.flags.c_contiguous):
        return channel_sum(x * y)
    rows = z.shape[0], z.shape[1], -1
    products = z.reshape(rows)[:, :, None, :] @ w.reshape(rows)[:, :, :, None]
    return np.add.reduce(products, axis=(1, 2, 3))


def values_per_channel(x: Array) -> int:
    """How many values of x each channel has."""
    return math.prod(x.shape[i] for i in _rest(x))


def moments(x: Array) -> tuple[Array, Array, Array]:
    """Centred x, the mean and the biased variance of every channel."""
    m = values_per_channel(x)
    z, wide = x.transpose(*range(1, x.ndim), 0), np.result_type(x.dtype, np.float64)
    if x.ndim == 4 and z.flags.c_contiguous:
        places = z.reshape(len(z), -1, len(x)) @ np.ones(len(x), x.dtype)
        total = np.add.reduce(places, axis=1, dtype=wide)
    else:
        total = np.add.reduce(x, axis=_rest(x), dtype=wide)
    mean = (total / m).astype(x.dtype)
    centred = x - per_channel(mean, x)
    return centred, mean, channel_dot(centred, centred) / m


def normalize_by_moments_adjoint(
    dy: Array, centred: Array, gain: Array, root: Array, input_gradient: bool = True
) -> tuple[Array | None, Array, Array]:
    """(dx, dg, db) of y = g · c / √(σ² + ε) + b where μ and σ² are x's own; `root` is √(σ² + ε).

        db = Σ dy,    dg = r Σ dy · c,    dx = g r (dy - db / m - c · r dg / m)

    The two means are what reaches x through μ and through σ². Without `input_gradient` dx is None.
    """
    m = values_per_channel(dy)
    dy = laid_like(dy, centred)
    db, dg = channel_sum(dy), channel_dot(dy, centred) / root
    if not input_gradient:
        return None, dg, db
    dx = centred * per_channel(dg / root / m, dy)
    np.subtract(dy, dx, out=dx)
    dx -= per_channel(db / m, dy)
    dx *= per_channel(gain / root, dy)
    return dx, dg, db


def per_channel(v: Array, x: Array) -> Array:
    """v (C,) in the shape that multiplies every channel of x by its own value."""
    return v.reshape(-1, *(1,) * (x.ndim - 2))


def _rest(x: Array) -> tuple[int, ...]:
    return (0, *range(2, x.ndim))
