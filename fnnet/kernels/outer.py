"""Products of every feature of one vector with every one of another."""

from fnnet.types import Array


def outer_products(a: Array, b: Array) -> Array:
    """aᵢ bⱼ of every example as a matrix: a (N, D), b (N, E), result (N, D E)."""
    return (a[:, :, None] * b[:, None, :]).reshape(len(a), -1)
