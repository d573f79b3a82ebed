"""`softmax` and `softmin`: scores to probabilities."""

import numpy as np

from fnnet.layers._axis import example_axis, has_axis
from fnnet.layers._params import no_params
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback


@factory
def softmax(axis: int = -1) -> Layer:
    """Positive numbers that sum to 1 along an axis.

        y = eˣ / Σ eˣ,    dx = y (dy - Σ y dy)

    Keeps y. The maximum is subtracted first, so nothing overflows. To train a classifier leave it out and use
    `losses.softmax_cross_entropy` on the scores.

    Args:
        axis: of the batch array, so 1 is the first axis of an example; 0, the batch, is an error.

    >>> softmax().apply((), np.array([[-1e4, 1e4, 1e4]]))[0]
    array([[0. , 0.5, 0.5]])
    """
    axis = example_axis(axis)

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        with np.errstate(under="ignore"):
            e = np.exp(x - x.real.max(axis, keepdims=True))
            y = e / e.sum(axis, keepdims=True)

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            with np.errstate(under="ignore"):
                return (), y * (dy - (y * dy).sum(axis, keepdims=True)) if input_gradient else None

        return y, vjp

    return unchecked(no_params, apply, shape=lambda shape: has_axis(shape, axis), name="softmax")


@factory
def softmin(axis: int = -1) -> Layer:
    """The softmax of -x: the least number gets the most.

        y = e⁻ˣ / Σ e⁻ˣ,    dx = -y (dy - Σ y dy)

    Keeps y. The minimum is subtracted first, so nothing overflows.

    Args:
        axis: of the batch array, so 1 is the first axis of an example; 0, the batch, is an error.

    >>> softmin().apply((), np.array([[-1e4, -1e4, 1e4]]))[0]
    array([[0.5, 0.5, 0. ]])
    """
    axis = example_axis(axis)
    turned = softmax(axis)._apply

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        y, pull = turned(params, -x)

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            return (), -pull(dy)[1] if input_gradient else None

        return y, vjp

    return unchecked(no_params, apply, shape=lambda shape: has_axis(shape, axis), name="softmin")
