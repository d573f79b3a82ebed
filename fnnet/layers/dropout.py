"""`dropout`: in training, elements are left out at random."""

from fractions import Fraction
from typing import Any

from fnnet import rng
from fnnet.arguments import real
from fnnet.kernels.order import laid_like
from fnnet.layers._params import no_params
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape


@factory
def dropout(rate: float | Fraction, *, rescale: bool = True) -> Layer:
    """Leave out a fraction of the elements in training, each on its own; in evaluation, change nothing.

        training:    y = m · x / (1 - rate),  dx = m · dy / (1 - rate),  m ~ Bernoulli(1 - rate) per element
        evaluation:  y = x,                   dx = dy

    m is a pure function of the key and the logical shape of x, whatever its memory order. With `rescale=False`
    survivors keep their size in training, so evaluation sees larger sums. Keeps m.

    Args:
        rate: the fraction dropped, in [0, 1) (not the fraction kept). A `Fraction` stays exact on exact arrays.
        rescale: whether survivors are scaled by 1 / (1 - rate), "inverted" dropout.

    Shapes: x (N, …), y like x.

    Raises:
        ConfigError: rate is outside [0, 1).

    Source: Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting", sec. 10.

    >>> import numpy as np
    >>> from fnnet import rng
    >>> y, _ = dropout(0.5).train(rng.key(0)).apply((), np.ones((1, 8), np.float32))
    >>> y
    array([[2., 2., 0., 2., 2., 2., 0., 2.]], dtype=float32)
    """
    number = real("rate", rate, 0, 1, open=")")
    exact: Any = rate if isinstance(rate, Fraction) else number

    def shape(in_shape: Shape) -> Shape:
        return in_shape

    def evaluation(params: Params, x: Array) -> tuple[Array, Pullback]:
        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array]:
            return (), dy

        return x, vjp

    def train(key: rng.Key) -> Layer:
        def training(params: Params, x: Array) -> tuple[Array, Pullback]:
            kept = laid_like(rng.bernoulli(key, 1 - number, x.shape), x)
            scale = 1 if not rescale else 1 / (1 - exact) if x.dtype == object else 1 / (1 - number)
            y = x * kept
            y *= scale

            def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array]:
                dx = dy * laid_like(kept, dy)
                dx *= scale
                return (), dx

            return y, vjp

        return unchecked(no_params, training, shape=shape, name="dropout")

    return unchecked(no_params, evaluation, shape=shape, train=train if number else None, name="dropout")
