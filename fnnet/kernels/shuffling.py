"""Channels as places and back: (N, C f^d, …) ↔ (N, C, f · …) along all d axes behind the channels."""

from fnnet.types import Array


def shuffled(x: Array, factor: int) -> Array:
    """y[n, c, f u + i] = x[n, c f + i, u], along every axis."""
    n, channels, *sizes = x.shape
    dims = len(sizes)
    apart = x.reshape(n, channels // factor**dims, *[factor] * dims, *sizes)
    order = (0, 1, *(axis for d in range(dims) for axis in (2 + dims + d, 2 + d)))
    return apart.transpose(order).reshape(n, -1, *(size * factor for size in sizes))


def unshuffled(y: Array, factor: int) -> Array:
    """x[n, c f + i, u] = y[n, c, f u + i], along every axis."""
    n, channels, *sizes = y.shape
    dims = len(sizes)
    apart = y.reshape(n, channels, *(part for size in sizes for part in (size // factor, factor)))
    order = (0, 1, *range(3, 3 + 2 * dims, 2), *range(2, 2 + 2 * dims, 2))
    return apart.transpose(order).reshape(n, -1, *(size // factor for size in sizes))
