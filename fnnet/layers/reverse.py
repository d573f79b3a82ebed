"""`reverse`: sequences from their last step to their first."""

from typing import Any

from fnnet.arrays import Shape, Shapes
from fnnet.layers._params import no_params
from fnnet.layers._time import checked_lengths, float_sequences, turned, with_lengths
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback


@factory
def reverse() -> Layer:
    """Turn time round, each sequence within its own length.

        yₜ = x_{L-1-t} for t < L, else 0,    dx likewise of dy

    Without lengths L is T. Keeps the lengths.

    Shapes: xs (N, T, …) or (xs, lengths), lengths (N,) whole numbers; ys like xs.

    Raises:
        ShapeError: x is neither.
        DataError: a length is not from 1 to T.

    >>> import numpy as np
    >>> xs = np.float32([[1, 2, 3], [4, 5, 0]])
    >>> y, _ = reverse().apply((), (xs, np.array([3, 2])))
    >>> y
    array([[3., 2., 1.],
           [5., 4., 0.]], dtype=float32)
    """

    def shape(shapes: Shapes) -> Shape:
        return float_sequences(with_lengths(shapes)[0])

    def apply(params: Params, x: Any) -> tuple[Array, Pullback]:
        if type(x) is not tuple:

            def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
                return (), dy[:, ::-1] if input_gradient else None

            return x[:, ::-1], vjp

        xs, lengths = x
        lengths = checked_lengths(lengths, xs.shape[1])

        def padded_vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, tuple[Array, None] | None]:
            return (), (turned(dy, lengths), None) if input_gradient else None

        return turned(xs, lengths), padded_vjp

    return unchecked(no_params, apply, shape=shape, name="reverse", takes="anything")
