"""Means of several arrays with weights of every example's own."""

from collections.abc import Sequence

from fnnet.types import Array


def mixed(shares: Array, values: Sequence[Array]) -> Array:
    """Σₖ pₖ vₖ: shares p (N, K), values K arrays (N, …)."""
    total = own_share(shares, 0, values[0]) * values[0]
    for k, value in enumerate(values[1:], start=1):
        total += own_share(shares, k, value) * value
    return total


def own_share(shares: Array, k: int, value: Array) -> Array:
    """pₖ in the shape that multiplies every example of value k."""
    return shares[:, k].reshape(-1, *(1,) * (value.ndim - 1))
