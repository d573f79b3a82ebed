"""Pooling and its adjoints, one axis after the other, in whatever memory order the images lie.

A window's maximum is the maximum over its rows of the maxima along them, its sum the sum of its rows' sums, its norm
the norm of its rows' norms: kH + kW passes instead of kH · kW. Reducing the last axis first makes ties fall to the
first element in row-major order: the first row that holds the maximum, and in it the first place.
"""

from collections.abc import Iterator
from functools import partial, reduce

import numpy as np

from fnnet.kernels.order import cut, laid_like, like_along
from fnnet.kernels.windows import Axes, Axis
from fnnet.types import Array


def window_max(x: Array, axes: Axes) -> list[Array]:
    """x, the maxima along its last axis, along the one before too, …, and at the end y: those of every window.

    Padding is never read, so it never wins; every window must reach into the image.
    """
    stages = [x]
    for dim, axis in _last_first(axes):
        stages.append(_max_along(stages[-1], dim, axis))
    return stages


def window_max_adjoint(dy: Array, stages: list[Array], axes: Axes) -> Array:
    """dx (N, C, …): every dy goes to the element that won. Who won is found here, so a forward alone costs less."""
    for (dim, axis), x, y in zip(enumerate(axes, 2), stages[-2::-1], stages[:0:-1], strict=True):
        dy = _max_along_adjoint(dy, x, y, dim, axis)
    return dy


def window_places(stages: list[Array], axes: Axes) -> Array:
    """Where the maxima of windows stand in their channels (N, C, …), counted in row-major order, by those stages."""
    places, each = None, 1
    for (dim, axis), x, y in zip(_last_first(axes), stages[:-1], stages[1:], strict=True):
        places = _places_along(x, y, dim, axis, each, places)
        each *= axis.size
    assert places is not None  # there is at least one axis
    return places


def window_sum(x: Array, axes: Axes) -> Array:
    """y (N, C, …), the sum of every window, padding counted as zeros."""
    for dim, axis in _last_first(axes):
        x = _sum_along(x, dim, axis)
    return x


def window_sum_adjoint(dy: Array, axes: Axes) -> Array:
    """dx (N, C, …): every dy goes to all elements of its window."""
    for dim, axis in enumerate(axes, 2):
        dy = _sum_along_adjoint(dy, dim, axis)
    return dy


def window_norm(x: Array, p: float, axes: Axes) -> list[Array]:
    """x, the norms (Σ |x|ᵖ)^(1/p) along its last axis, …, and at the end y: those of every window."""
    stages = [x]
    for dim, axis in _last_first(axes):
        stages.append(_norm_along(stages[-1], p, dim, axis))
    return stages


def window_norm_adjoint(dy: Array, stages: list[Array], p: float, axes: Axes) -> Array:
    """dx = dy · sign(x) (|x| / y)ᵖ⁻¹, none where y is 0: stage by stage, as these factors multiply."""
    for (dim, axis), x, y in zip(enumerate(axes, 2), stages[-2::-1], stages[:0:-1], strict=True):
        dy = _norm_along_adjoint(dy, x, y, p, dim, axis)
    return dy


def window_counts(axes: Axes, borders: tuple[tuple[int, int], ...]) -> Array:
    """How many elements of the image, and of a border so wide before and after it, lie in each window."""
    counts = []
    for axis, (before, after) in zip(axes, borders, strict=True):
        places = np.arange(axis.out)[:, None] * axis.stride + np.arange(axis.kernel) * axis.dilation - axis.before
        counts.append(((places >= -before) & (places < axis.size + after)).sum(axis=1))
    return reduce(np.multiply.outer, counts)


def _last_first(axes: Axes) -> Iterator[tuple[int, Axis]]:
    """The axes and their places in (N, C, …), from the last to the first."""
    return zip(range(len(axes) + 1, 1, -1), axes[::-1], strict=True)


def _max_along(x: Array, dim: int, axis: Axis) -> Array:
    """Maxima along one axis. An output meets its first element with the first tap that is not in the padding."""
    if _tiles(axis) and axis.kernel > 1:
        (_, first), (_, second) = axis.taps[:2]
        y = np.maximum(cut(x, dim, first), cut(x, dim, second))
        for _, at in axis.taps[2:]:
            np.maximum(y, cut(x, dim, at), out=y)
        return y
    y = like_along(np.empty_like, x, dim, axis.out)
    met = axis.out  # this and all further outputs have met an element
    for to, at in axis.taps:
        if to.stop == 0:
            continue
        fresh, old = slice(to.start, min(met, to.stop)), slice(max(min(met, to.stop), to.start), to.stop)
        tap = cut(x, dim, at)
        if fresh.start < fresh.stop:
            cut(y, dim, fresh)[...] = cut(tap, dim, slice(0, fresh.stop - to.start))
        if old.start < old.stop:
            best = cut(y, dim, old)
            np.maximum(best, cut(tap, dim, slice(old.start - to.start, None)), out=best)
        met = min(met, to.start)
    return y


def _max_along_adjoint(dy: Array, x: Array, y: Array, dim: int, axis: Axis) -> Array:
    """Tap by tap: one that is less than the maximum passes dy on, the first that is not takes it."""
    dy = laid_like(dy, y)
    if _tiles(axis):
        dx = like_along(np.empty_like, dy, dim, axis.size)
        for _, at in axis.taps[:-1]:
            passed = dy * (cut(x, dim, at) < y)
            np.subtract(dy, passed, out=cut(dx, dim, at))
            dy = passed
        cut(dx, dim, axis.taps[-1][1])[...] = dy
        return dx
    dx, dy = like_along(np.zeros_like, dy, dim, axis.size), dy.copy(order="K")
    for to, at in axis.taps:
        share, read = cut(dy, dim, to), cut(dx, dim, at)
        passed = share * (cut(x, dim, at) < cut(y, dim, to))
        read += share - passed
        share[...] = passed
    return dx


def _places_along(x: Array, y: Array, dim: int, axis: Axis, each: int, places: Array | None) -> Array:
    """The first tap that is not less than the maximum, `each` apart, and behind it the places along further axes."""
    found = like_along(partial(np.zeros_like, dtype=np.int64), y, dim, axis.out)
    along = np.arange(axis.size).reshape(-1, *[1] * (x.ndim - dim - 1)) * each
    for to, at in axis.taps[::-1]:
        own = along[at] if places is None else along[at] + cut(places, dim, at)
        np.copyto(cut(found, dim, to), own, where=~(cut(x, dim, at) < cut(y, dim, to)))
    return found


def _sum_along(x: Array, dim: int, axis: Axis) -> Array:
    if _tiles(axis) and axis.kernel > 1:
        (_, first), (_, second) = axis.taps[:2]
        y = cut(x, dim, first) + cut(x, dim, second)
        begun = 2
    else:
        y, begun = like_along(np.zeros_like, x, dim, axis.out), 0
    for to, at in axis.taps[begun:]:
        sums = cut(y, dim, to)
        sums += cut(x, dim, at)
    return y


def _sum_along_adjoint(dy: Array, dim: int, axis: Axis) -> Array:
    dx = like_along(np.empty_like if _tiles(axis) else np.zeros_like, dy, dim, axis.size)
    for to, at in axis.taps:
        read = cut(dx, dim, at)
        if axis.span <= axis.stride:
            read[...] = cut(dy, dim, to)
        else:
            read += cut(dy, dim, to)
    return dx


def _norm_along(x: Array, p: float, dim: int, axis: Axis) -> Array:
    """m (Σ (|x| / m)ᵖ)^(1/p) with the largest element m of the window, so that no power leaves the range of numbers."""
    size = np.abs(x)
    most = _max_along(size, dim, axis)
    most[most == 0] = 1
    y = like_along(np.zeros_like, x, dim, axis.out)
    with np.errstate(under="ignore"):
        for to, at in axis.taps:
            sums = cut(y, dim, to)
            sums += (cut(size, dim, at) / cut(most, dim, to)) ** p
        return most * y ** (1 / p)


def _norm_along_adjoint(dy: Array, x: Array, y: Array, p: float, dim: int, axis: Axis) -> Array:
    dx, y = like_along(np.zeros_like, dy, dim, axis.size), np.where(y > 0, y, 1)
    with np.errstate(under="ignore"):
        for to, at in axis.taps:
            read, own = cut(dx, dim, at), cut(x, dim, at)
            read += cut(dy, dim, to) * np.sign(own) * (np.abs(own) / cut(y, dim, to)) ** (p - 1)
    return dx


def _tiles(axis: Axis) -> bool:
    """Whether every element of the image lies in exactly one window, and no window reaches out of the image."""
    return (
        axis.kernel == axis.stride == axis.span
        and axis.before == 0
        and axis.out * axis.kernel == axis.size == axis.padded
    )
