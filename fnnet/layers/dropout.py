"""`dropout`: in training, elements are left out at random."""

from fractions import Fraction

from fnnet.layers._dropping import dropping
from fnnet.recipe import factory
from fnnet.types import Layer


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
    return dropping("dropout", rate, rescale, draws=lambda shape: shape)
