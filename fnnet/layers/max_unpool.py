"""`max_unpool`: values back at the places that a max-pool has found them at."""

import math
from typing import Any

from fnnet.arguments import shown
from fnnet.arrays import Discrete, in_words, is_floats, is_tuple
from fnnet.errors import ConfigError, DataError, DtypeError, ShapeError, expected
from fnnet.kernels.unpooling import unpooled, unpooled_adjoint
from fnnet.layers._params import no_params
from fnnet.layers._window import Padding, Size, padding_of, per_axis
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape


@factory
def max_unpool(
    kernel: Size, stride: Size | None = None, *, padding: Padding = 0, size: Size | None = None, dims: int = 2
) -> Layer:
    """Values at the places where they were the largest, and zeros everywhere else: `max_pool` partly undone.

        y[n, c, places[n, c, p, q]] = x[n, c, p, q], else 0,    dx[n, c, p, q] = dy[n, c, places[n, c, p, q]]

    It reads (x, places), as `max_pool(…, indices=True)` gives them: a place is row · W + column, within its channel, of
    signals and volumes alike. Where a place is there twice, as windows that overlap find them, the last value in
    row-major order counts, and the others get a zero gradient. Keeps the places.

    Args:
        kernel: rows and columns of the pool's window, one number for both, or a pair.
        stride: from one window to the next; by default the kernel.
        padding: of the pool, one number or a pair, or a pair (before, after) for each of rows and columns.
        size: rows and columns of y, where windows did not reach the end: by default the least that the pool's window
            fits into, as below.
        dims: the axes behind the channels: 2 for images, 1 for signals, 3 for volumes.

    Shapes: x (N, C, P, Q), places (N, C, P, Q) whole numbers, y (N, C, H, W) with H = (P - 1)·s - a - b + k.

    Raises:
        ConfigError: an option is out of its range.
        ShapeError: it reads something else than two arrays of one shape.
        DtypeError: x is no floats, or places are no whole numbers.
        DataError: a place is not within its channel.

    Source: Zeiler & Fergus 2014, "Visualizing and understanding convolutional networks", section 2.1. PyTorch's
    `MaxUnpool2d`, which hands a gradient to all of equal places. ONNX counts places through the whole batch.

    >>> import numpy as np
    >>> from fnnet import layers, rng
    >>> both = layers.serial(layers.max_pool(2, dims=1, indices=True), max_unpool(2, dims=1))
    >>> both.apply(both.init(rng.key(0), (1, 4)), np.float32([[[1, 5, 3, 2]]]))[0]
    array([[[0., 5., 3., 0.]]], dtype=float32)
    """
    kernel = per_axis("kernel", kernel, 1, dims)
    stride = kernel if stride is None else per_axis("stride", stride, 1, dims)
    sides = padding_of(padding, dims)
    wanted = None if size is None else per_axis("size", size, 1, dims)

    def sizes(out: Shape) -> Shape:
        """Rows and columns of y."""
        found = tuple((n - 1) * s - sum(p) + k for n, s, p, k in zip(out, stride, sides, kernel, strict=True))
        if wanted is None and min(found) < 1:
            raise ConfigError(expected("padding", "less than what is unpooled", shown(padding)))
        return found if wanted is None else wanted

    def shape(shapes: Any) -> Shape:
        read = _read_shapes(shapes, dims)
        return read[0], *sizes(read[1:])

    def apply(params: Params, x: Any) -> tuple[Array, Pullback]:
        values, places = x
        own = sizes(values.shape[2:])
        _check_places(places, own)

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Any]:
            return (), (unpooled_adjoint(dy, places), None) if input_gradient else None

        return unpooled(values, places, own), vjp

    return unchecked(no_params, apply, shape=shape, name="max_unpool", takes="anything")


def _read_shapes(shapes: Any, dims: int) -> Shape:
    """The shape of an example of values, which that of the places has to be too."""
    if not is_tuple(shapes) or len(shapes) != 2 or is_tuple(shapes[0]) or is_tuple(shapes[1]):
        got = f"a tuple of examples {shapes}" if is_tuple(shapes) else "one array"
        raise ShapeError(expected("x", "(x, places), as max_pool(…, indices=True) gives", got))
    values, places = shapes
    if not is_floats(values):
        raise DtypeError(expected("x[0]", "floats", "whole numbers"))
    if not isinstance(places, Discrete):
        raise DtypeError(expected("x[1]", "places, whole numbers", "floats", "cast with x[1].astype(np.int64)"))
    if len(values) != dims + 1:
        raise ShapeError(expected("x[0]", f"(N, C, …) with {dims} axes behind", in_words(values)))
    if places.shape != values:
        raise ShapeError(expected("x[1]", f"a place for each value, {in_words(values)}", in_words(places.shape)))
    return tuple(values)


def _check_places(places: Array, sizes: Shape) -> None:
    """Raise unless all places are within a channel of these sizes."""
    if places.dtype == bool:
        raise DtypeError(expected("x[1]", "places, whole numbers", "booleans"))
    count = math.prod(sizes)
    if places.min() < 0 or places.max() >= count:
        wrong = places[(places < 0) | (places >= count)].flat[0]
        fix = "say size=, the rows and columns of what was pooled"
        raise DataError(expected("x[1]", f"places from 0 to {count - 1} in channels {in_words(sizes)}", wrong, fix))
