"""What lies beyond the border of an image, and the adjoint: reflected, repeated or taken from the other side.

Along every axis each padded element is one of the image's own; the adjoint adds its share to that. Zeros are not made:
windows do not read them, see `windows`.

| mode | of a b c, two elements on each side |
|---|---|
| reflect | c b · a b c · b a |
| replicate | a a · a b c · c c |
| circular | b c · a b c · a b |
"""

import numpy as np

from fnnet.kernels.windows import Axes, Axis
from fnnet.types import Array


def bordered(x: Array, axes: Axes, mode: str) -> Array:
    """x (N, C, …) with the padding of its axes around it."""
    for dim, axis in enumerate(axes, 2):
        if axis.before or axis.after:
            x = np.take(x, _sources(axis, mode), axis=dim)
    return x


def bordered_adjoint(dx: Array, axes: Axes, mode: str) -> Array:
    """What lies beyond the border added to the elements that it was taken from."""
    for dim, axis in enumerate(axes, 2):
        if not (axis.before or axis.after):
            continue
        front = (slice(None),) * dim
        inside = dx[(*front, slice(axis.before, axis.before + axis.size))].copy(order="K")
        sources = _sources(axis, mode)
        for place in (*range(axis.before), *range(axis.before + axis.size, axis.padded)):
            own = inside[(*front, sources[place])]
            own += dx[(*front, place)]
        dx = inside
    return dx


def framed(x: Array, sides: tuple[tuple[int, int], ...], value: float) -> Array:
    """x (N, C, …) in the middle of a constant, (before, after) elements of it along every axis behind the channels."""
    sizes = (size + before + after for size, (before, after) in zip(x.shape[2:], sides, strict=True))
    y = np.full_like(x, value, shape=(*x.shape[:2], *sizes), subok=False)
    unframed(y, sides)[...] = x
    return y


def unframed(y: Array, sides: tuple[tuple[int, int], ...]) -> Array:
    """What is in the middle, as a view; of a constant frame it is also the adjoint."""
    inside = (slice(before, size - after) for size, (before, after) in zip(y.shape[2:], sides, strict=True))
    return y[(slice(None), slice(None), *inside)]


def widened(axes: Axes) -> Axes:
    """The same windows over what is already padded."""
    return tuple(Axis(a.padded, a.kernel, a.stride, 0, 0, a.dilation) for a in axes)


def _sources(axis: Axis, mode: str) -> list[int]:
    """For every padded element the image's own."""
    places, last = range(-axis.before, axis.size + axis.after), axis.size - 1
    if mode == "circular":
        return [p % axis.size for p in places]
    if mode == "replicate":
        return [min(max(p, 0), last) for p in places]
    return [last - abs(last - abs(p)) for p in places]
