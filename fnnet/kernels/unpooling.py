"""Values put back where the maxima of a pool came from, and the adjoint."""

import math

import numpy as np

from fnnet.types import Array


def unpooled(x: Array, places: Array, sizes: tuple[int, ...]) -> Array:
    """y (N, C, *sizes), 0 but for x (N, C, …) at its places in each channel; of equal places the last counts."""
    rows, at = _flat(places)
    y = np.zeros((len(at), math.prod(sizes)), x.dtype)
    y[rows, at] = x.reshape(at.shape)
    return y.reshape(*x.shape[:2], *sizes)


def unpooled_adjoint(dy: Array, places: Array) -> Array:
    """dx (N, C, …): what comes back for the place of each x, 0 for those that others were put on."""
    rows, at = _flat(places)
    last = np.zeros((len(at), math.prod(dy.shape[2:])), np.intp)
    number = np.arange(at.shape[1])
    last[rows, at] = number
    dx = np.where(last[rows, at] == number, dy.reshape(last.shape)[rows, at], np.zeros((), dy.dtype))
    return dx.reshape(places.shape)


def _flat(places: Array) -> tuple[Array, Array]:
    """For every channel of every example a row, and its places."""
    at = places.reshape(places.shape[0] * places.shape[1], -1).astype(np.intp)
    return np.arange(len(at))[:, None], at
