"""Sequences of several lengths, for tests."""

import numpy as np

from fnnet import rng

LENGTHS = np.array([3, 1, 4])
T = 4


def sequences(*features, n=3, t=T, seed=0, dtype=np.float64):
    """xs (n, t, *features)."""
    return rng.normal(rng.key(seed), (n, t, *features), dtype)


def pulled(layer, params, x, seed=9):
    """y, a cotangent, and what comes of it."""
    y, vjp = layer.apply(params, x)
    dy = rng.normal(rng.key(seed), y.shape, y.dtype)
    return y, dy, *vjp(dy)
