"""Vectors as directions and lengths."""

import numpy as np

from fnnet.kernels.elementwise import magnitude
from fnnet.types import Array


def unit_vector(x: Array, axis: int, least: float) -> tuple[Array, Array]:
    """x divided by its length along an axis, or by `least` where that is larger; and what it was divided by, kept axes.

    The largest element is divided out before anything is squared, so nothing overflows or vanishes.
    """
    size = magnitude(x).real.max(axis, keepdims=True)
    size = np.where(size > 0, size, 1)
    scaled = x / size
    length = size * np.sqrt((scaled * scaled).sum(axis, keepdims=True))
    length = np.where(length.real > least, length, least)
    return x / length, length
