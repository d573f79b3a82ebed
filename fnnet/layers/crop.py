"""`crop`: the inner part of signals, images and volumes."""

from fnnet.arrays import in_words
from fnnet.errors import ShapeError, expected
from fnnet.kernels.borders import framed, unframed
from fnnet.layers._params import no_params
from fnnet.layers._sides import Amounts, sides_of
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape


@factory
def crop(amounts: Amounts) -> Layer:
    """Leave out what lies near the borders.

        y[n, c, u] = x[n, c, u + before],    dx = dy with zeros around it

    A view of x; nothing is kept.

    Args:
        amounts: elements left out on each side: one number for all axes behind the channels, or for each axis one or a
            pair (before, after), as in ((1, 2), (0, 3)).

    Shapes: x (N, C, L), (N, C, H, W) or (N, C, D, H, W), y the same with each axis shorter by before + after.

    Raises:
        ConfigError: these are no amounts.
        ShapeError: the input has other axes behind its channels, or nothing is left of one.

    >>> crop(((1, 2), 0)).shape((3, 8, 8))
    (3, 5, 8)
    """
    sides = sides_of(amounts)

    def shape(in_shape: Shape) -> Shape:
        sizes = [size - sum(side) for size, side in zip(in_shape[1:], sides(in_shape), strict=True)]
        if min(sizes) < 1:
            wanted = f"more than the {sides(in_shape)} elements that are left out (before, after)"
            raise ShapeError(expected("input", wanted, in_words(in_shape)))
        return in_shape[0], *sizes

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        own = sides(x.shape[1:])

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            return (), framed(dy, own, 0) if input_gradient else None

        return unframed(x, own), vjp

    return unchecked(no_params, apply, shape=shape, name="crop")
