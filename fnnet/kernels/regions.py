"""Pooling over regions that need not be of one size, and its adjoints, one axis after the other.

An axis is a list of regions [first, last), one for each output; they may overlap.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import TypeAlias

import numpy as np

from fnnet.kernels.order import cut, like_along
from fnnet.types import Array

Regions: TypeAlias = Sequence[Sequence[tuple[int, int]]]  # of every axis behind the channels


def region_max(x: Array, regions: Regions) -> list[Array]:
    """x, the maxima along its last axis, along the one before too, …, and at the end y: those of every region."""
    stages = [x]
    for dim, axis in reversed(list(enumerate(regions, 2))):
        stages.append(_along(np.maximum.reduce, stages[-1], dim, axis))
    return stages


def region_max_adjoint(dy: Array, stages: list[Array], regions: Regions) -> Array:
    """dx (N, C, …): every dy goes to the first element in row-major order that won."""
    for (dim, axis), x, y in zip(enumerate(regions, 2), stages[-2::-1], stages[:0:-1], strict=True):
        dx = np.zeros_like(x, dy.dtype, subok=False)
        for o, (first, last) in enumerate(axis):
            most, left = cut(y, dim, slice(o, o + 1)), cut(dy, dim, slice(o, o + 1))
            for u in range(first, last):
                read = cut(dx, dim, slice(u, u + 1))
                passed = left * (cut(x, dim, slice(u, u + 1)) < most)
                read += left - passed
                left = passed
        dy = dx
    return dy


def region_sum(x: Array, regions: Regions) -> Array:
    """y (N, C, …), the sum of every region."""
    for dim, axis in reversed(list(enumerate(regions, 2))):
        x = _along(np.add.reduce, x, dim, axis)
    return x


def region_sum_adjoint(dy: Array, regions: Regions, sizes: Sequence[int]) -> Array:
    """dx (N, C, *sizes): every dy goes to all elements of its region."""
    for dim, (axis, size) in enumerate(zip(regions, sizes, strict=True), 2):
        dx = like_along(np.zeros_like, dy, dim, size)
        for o, (first, last) in enumerate(axis):
            read = cut(dx, dim, slice(first, last))
            read += cut(dy, dim, slice(o, o + 1))
        dy = dx
    return dy


def region_counts(regions: Regions) -> Array:
    """How many elements each region has."""
    return reduce(np.multiply.outer, [np.array([last - first for first, last in axis]) for axis in regions])


def _along(reduction: Callable[..., Array], x: Array, dim: int, axis: Sequence[tuple[int, int]]) -> Array:
    y = like_along(np.empty_like, x, dim, len(axis))
    for o, (first, last) in enumerate(axis):
        cut(y, dim, slice(o, o + 1))[...] = reduction(cut(x, dim, slice(first, last)), axis=dim, keepdims=True)
    return y
