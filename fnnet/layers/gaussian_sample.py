"""`gaussian_sample`: a draw from a normal distribution that a net describes."""

from typing import Any

import numpy as np

from fnnet import rng
from fnnet.arrays import Arrays, Shape, in_words
from fnnet.errors import ShapeError, expected
from fnnet.layers._params import no_params
from fnnet.layers._tuple import float_parts
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback


@factory
def gaussian_sample() -> Layer:
    """Draw from N(mean, e^(log-variance)) in training; in evaluation, the mean.

        training:    y = m + σ ε,  σ = exp(v / 2),  ε ~ N(0, 1) per element;   dm = dy,  dv = ½ σ ε dy
        evaluation:  y = m;                                                    dm = dy,  dv = 0

    ε is a pure function of the key and the shape, so that the draw has a derivative by m and v. Keeps σ ε.

    Shapes: x (m, v), both (N, …), y like m.

    Raises:
        ShapeError: x is no pair of arrays of one shape.

    Source: Kingma and Welling 2014, "Auto-encoding variational Bayes", section 2.4.

    >>> import numpy as np
    >>> from fnnet import rng
    >>> x = np.ones((1, 3)), np.zeros((1, 3))
    >>> gaussian_sample().apply((), x)[0]
    array([[1., 1., 1.]])
    >>> gaussian_sample().train(rng.key(0)).apply((), x)[0].shape
    (1, 3)
    """

    def shape(shapes: Any) -> Shape:
        parts = float_parts(shapes)
        if len(parts) != 2:
            raise ShapeError(expected("x", "(mean, log-variance)", f"a tuple of {len(parts)}"))
        if parts[0] != parts[1]:
            raise ShapeError(expected("x[1]", f"the shape of x[0], {in_words(parts[0])}", in_words(parts[1])))
        return parts[0]

    def evaluation(params: Params, x: Arrays) -> tuple[Array, Pullback]:
        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, tuple[Array, Array] | None]:
            return (), (dy, np.zeros_like(dy)) if input_gradient else None

        return x[0], vjp

    def train(key: rng.Key) -> Layer:
        def training(params: Params, x: Arrays) -> tuple[Array, Pullback]:
            mean, log_variance = x
            spread = np.exp(log_variance / 2)
            spread *= rng.normal(key, mean.shape, np.float64).astype(spread.real.dtype)

            def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, tuple[Array, Array] | None]:
                return (), (dy, dy * spread / 2) if input_gradient else None

            return mean + spread, vjp

        return unchecked(no_params, training, shape=shape, name="gaussian_sample", takes="anything")

    return unchecked(no_params, evaluation, shape=shape, train=train, name="gaussian_sample", takes="anything")
