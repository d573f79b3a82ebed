"""Angles that grow with the place in a sequence: pairs of features turned by them, and their sines and cosines."""

from functools import lru_cache

import numpy as np

from fnnet.types import Array


def rotate(x: Array, width: int, base: float, back: bool = False) -> Array:
    """x (N, T, H · d) with features i and i + d/2 of every head, as one complex number, turned by t / baseᐟ^(2i/d).

        (a, b) ↦ (a cos θ - b sin θ, b cos θ + a sin θ)

    A rotation's adjoint is the rotation `back`.
    """
    pairs = x.reshape(*x.shape[:2], -1, 2, width // 2)
    a, b = pairs[..., 0, :], pairs[..., 1, :]
    cos, sin = _turns(x.shape[1], width, base)
    cos, sin = cos.astype(x.real.dtype)[:, None], (-sin if back else sin).astype(x.real.dtype)[:, None]
    y = np.empty(pairs.shape, x.dtype)
    y[..., 0, :] = a * cos - b * sin
    y[..., 1, :] = b * cos + a * sin
    return y.reshape(x.shape)


@lru_cache(maxsize=16)
def _turns(steps: int, width: int, base: float) -> tuple[Array, Array]:
    """Cosines and sines (T, d/2) of all angles, read-only."""
    angles = np.arange(steps)[:, None] * base ** (np.arange(0, width, 2) / -width)
    found = np.cos(angles), np.sin(angles)
    for array in found:
        array.flags.writeable = False
    return found


@lru_cache(maxsize=16)
def waves(steps: int, features: int, base: float) -> Array:
    """(T, D), read-only: sin θ in even features, cos θ in odd ones, θ = t / baseᐟ^(2i/D)."""
    even = np.arange(features) // 2 * 2
    angles = np.arange(steps)[:, None] * base ** (even / -features)
    waves = np.where(np.arange(features) % 2, np.cos(angles), np.sin(angles))
    waves.flags.writeable = False
    return waves
