"""Sums over neighbouring channels: s[:, c] = Σ z[:, j] over |j - c| ≤ reach. The map is its own adjoint."""

from fnnet.types import Array


def neighbour_sum(z: Array, reach: int) -> Array:
    """s (N, C, …) in the memory order of z; channels beyond the first and the last count as zeros."""
    s = z.copy(order="K")
    for distance in range(1, min(reach, z.shape[1] - 1) + 1):
        s[:, distance:] += z[:, :-distance]
        s[:, :-distance] += z[:, distance:]
    return s
