"""`pixel_shuffle` and `pixel_unshuffle`: channels become places, and places channels."""

import math

from fnnet.arguments import whole
from fnnet.arrays import in_words
from fnnet.errors import ShapeError, expected
from fnnet.kernels.shuffling import shuffled, unshuffled
from fnnet.layers._params import no_params
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape


@factory
def pixel_shuffle(factor: int) -> Layer:
    """Make every place of factor² channels a square of factor × factor places of one channel.

        y[n, c, f u + i, f v + j] = x[n, c f² + i f + j, u, v],    dx by the way back

    Of signals factor channels, of volumes factor³. Keeps nothing.

    Args:
        factor: f, how many times as many places there are along each axis. The order of the channels is PyTorch's
            (of ONNX's DepthToSpace mode CRD).

    Shapes: x (N, C f², H, W), y (N, C, f H, f W); signals (N, C, L) and volumes (N, C, D, H, W) alike.

    Raises:
        ConfigError: the factor is no whole number ≥ 1.
        ShapeError: the input has no axes behind the channels, or f² does not divide these.

    Source: Shi et al. 2016, "Real-time single image and video super-resolution …", equation 4.

    >>> pixel_shuffle(2).shape((12, 5, 5))
    (3, 10, 10)
    """
    factor = whole("factor", factor, 1)

    def shape(in_shape: Shape) -> Shape:
        dims = _dims(in_shape)
        channels, left = divmod(in_shape[0], factor**dims)
        if left:
            wanted = f"(N, C, …) with channels that {factor**dims} divides"
            raise ShapeError(expected("input", wanted, in_words(in_shape)))
        return channels, *(size * factor for size in in_shape[1:])

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            return (), unshuffled(dy, factor) if input_gradient else None

        return shuffled(x, factor), vjp

    return unchecked(no_params, apply, shape=shape, name="pixel_shuffle")


@factory
def pixel_unshuffle(factor: int) -> Layer:
    """Make every square of factor × factor places of a channel one place of factor² channels.

        y[n, c f² + i f + j, u, v] = x[n, c, f u + i, f v + j],    dx by the way back

    The inverse of `pixel_shuffle`. Keeps nothing.

    Args:
        factor: f, how many places along each axis become one.

    Shapes: x (N, C, f H, f W), y (N, C f², H, W); signals (N, C, L) and volumes (N, C, D, H, W) alike.

    Raises:
        ConfigError: the factor is no whole number ≥ 1.
        ShapeError: the input has no axes behind the channels, or f does not divide them.

    >>> pixel_unshuffle(2).shape((3, 10, 10))
    (12, 5, 5)
    """
    factor = whole("factor", factor, 1)

    def shape(in_shape: Shape) -> Shape:
        dims = _dims(in_shape)
        if math.gcd(factor, *in_shape[1:]) != factor:
            wanted = f"(N, C, …) with axes behind the channels that {factor} divides"
            raise ShapeError(expected("input", wanted, in_words(in_shape)))
        return in_shape[0] * factor**dims, *(size // factor for size in in_shape[1:])

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            return (), shuffled(dy, factor) if input_gradient else None

        return unshuffled(x, factor), vjp

    return unchecked(no_params, apply, shape=shape, name="pixel_unshuffle")


def _dims(in_shape: Shape) -> int:
    """How many axes stand behind the channels."""
    if len(in_shape) < 2:
        raise ShapeError(expected("input", "(N, C, …) with axes behind the channels", in_words(in_shape)))
    return len(in_shape) - 1
