"""`log_softmax`: scores to log-probabilities."""

import numpy as np

from fnnet.layers._axis import example_axis, has_axis
from fnnet.layers._params import no_params
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback


@factory
def log_softmax(axis: int = -1) -> Layer:
    """Logarithms of numbers that sum to 1 along an axis.

        y = x - log Σ eˣ,    dx = dy - eʸ Σ dy

    Keeps y. The maximum is subtracted first, so nothing overflows. Goes with `losses.negative_log_likelihood`.

    Args:
        axis: of the batch array, so 1 is the first axis of an example; 0, the batch, is an error.

    >>> log_softmax().apply((), np.array([[-1e4, 0.0, 0.0]]))[0].round(1)
    array([[-1.00007e+04, -7.00000e-01, -7.00000e-01]])
    """
    axis = example_axis(axis)

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        z = x - x.real.max(axis, keepdims=True)
        with np.errstate(under="ignore"):
            y = z - np.log(np.exp(z).sum(axis, keepdims=True))

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            with np.errstate(under="ignore"):
                return (), dy - np.exp(y) * dy.sum(axis, keepdims=True) if input_gradient else None

        return y, vjp

    return unchecked(no_params, apply, shape=lambda shape: has_axis(shape, axis), name="log_softmax")
