"""`last`: the last step of every sequence."""

from typing import Any

import numpy as np

from fnnet.arrays import Shape, Shapes
from fnnet.layers._params import no_params
from fnnet.layers._time import checked_lengths, float_sequences, with_lengths
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback


@factory
def last() -> Layer:
    """The step before the end of each sequence.

        y = x_{L-1},    dxₜ = dy for t = L - 1, else 0

    Without lengths L is T.

    Shapes: xs (N, T, …) or (xs, lengths), lengths (N,) whole numbers; y (N, …).

    Raises:
        ShapeError: x is neither.
        DataError: a length is not from 1 to T.

    >>> import numpy as np
    >>> xs = np.float32([[1, 2, 3], [4, 5, 0]])
    >>> last().apply((), (xs, np.array([3, 2])))[0]
    array([3., 5.], dtype=float32)
    """

    def shape(shapes: Shapes) -> Shape:
        return float_sequences(with_lengths(shapes)[0])[1:]

    def apply(params: Params, x: Any) -> tuple[Array, Pullback]:
        has_lengths = type(x) is tuple
        xs, lengths = x if has_lengths else (x, None)
        n, t = xs.shape[:2]
        at = np.arange(n), np.full(n, t - 1) if lengths is None else checked_lengths(lengths, t) - 1
        like = xs.shape

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Any]:
            if not input_gradient:
                return (), None
            dxs = np.zeros(like, dy.dtype)
            dxs[at] = dy
            return (), (dxs, None) if has_lengths else dxs

        return xs[at], vjp

    return unchecked(no_params, apply, shape=shape, name="last", takes="anything")
