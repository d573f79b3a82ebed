"""`maxout`: the largest of some adjacent features."""

import numpy as np

from fnnet.arguments import whole
from fnnet.arrays import in_words
from fnnet.errors import ShapeError, expected
from fnnet.kernels.pieces import grouped, largest_piece
from fnnet.layers._axis import example_axis, has_axis
from fnnet.layers._params import no_params
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape


@factory
def maxout(pieces: int, *, axis: int = 1) -> Layer:
    """The largest of every k adjacent features: behind a layer with weights, a convex function that is learned.

        yᵢ = maxⱼ x_{ki + j},  j = 0 … k - 1;    dx_{ki + j} = dyᵢ where j is the first that is the largest, 0 elsewhere

    The layer of Goodfellow et al. with n outputs is `serial(dense(n * pieces), maxout(pieces))`; a convolution in front
    will do as well. Keeps x and which was the largest. NaN counts as that.

    Args:
        pieces: k.
        axis: of the batch array; by default 1, the features or channels.

    Shapes: x (N, C, …), y (N, C / k, …).

    Raises:
        ShapeError: the axis is not there, or pieces do not divide it.

    Source: Goodfellow et al. 2013, "Maxout networks", sec. 2.

    >>> y, vjp = maxout(2).apply((), np.array([[1.0, 3.0, 5.0, 2.0]]))
    >>> y.tolist(), vjp(np.array([[10.0, 20.0]]))[1].tolist()
    ([[3.0, 5.0]], [[0.0, 10.0, 20.0, 0.0]])
    """
    pieces, axis = whole("pieces", pieces, 1), example_axis(axis)

    def shape(in_shape: Shape) -> Shape:
        at = axis % (len(has_axis(in_shape, axis)) + 1) - 1
        if in_shape[at] % pieces:
            wanted = f"a multiple of {pieces} along axis {axis}"
            raise ShapeError(expected("input", wanted, f"{in_shape[at]} in {in_words(in_shape)}"))
        return (*in_shape[:at], in_shape[at] // pieces, *in_shape[at + 1 :])

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        y, winner = largest_piece(x, pieces, axis)

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            if not input_gradient:
                return (), None
            dx = np.empty_like(x, dy.dtype)
            for j, piece in enumerate(grouped(dx, pieces, axis)):
                np.multiply(dy, winner == j, out=piece)
            return (), dx

        return y, vjp

    return unchecked(no_params, apply, shape=shape, name="maxout")
