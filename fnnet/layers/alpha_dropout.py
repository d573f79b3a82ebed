"""`alpha_dropout`: a dropout that keeps mean and variance, for nets of `selu`."""

import numpy as np

from fnnet import rng
from fnnet.arguments import real
from fnnet.kernels.order import laid_like
from fnnet.layers._dropping import drawing_in_training
from fnnet.layers._elementwise import SELU_ALPHA, SELU_SCALE
from fnnet.recipe import factory
from fnnet.types import Apply, Array, Layer, Params, Pullback

LOW = -SELU_SCALE * SELU_ALPHA  # what selu tends to at -∞


@factory
def alpha_dropout(rate: float) -> Layer:
    """Set a fraction of the elements to selu's value at -∞ in training, then bring mean 0 and variance 1 back.

        training:    y = a (m · x + (1 - m) · α′) + b,  dx = a · m · dy,  m ~ Bernoulli(q) per element,  q = 1 - rate
                     α′ = -λα = -1.7581,  a = 1 / √(q + α′² q (1 - q)),  b = -a (1 - q) α′
        evaluation:  y = x,  dx = dy

    Elements of mean 0 and variance 1 have them still. Keeps m.

    Args:
        rate: the fraction dropped, in [0, 1).

    Shapes: x (N, …), y like x.

    Raises:
        ConfigError: rate is outside [0, 1).

    Source: Klambauer et al. 2017, "Self-normalizing neural networks", sec. 3, "New dropout technique".

    >>> from fnnet import rng
    >>> alpha_dropout(0.5).train(rng.key(0)).apply((), np.zeros((1, 4)))[0].round(4)
    array([[ 0.7792,  0.7792, -0.7792,  0.7792]])
    """
    q = 1 - real("rate", rate, 0, 1, open=")")
    a = (q + LOW**2 * q * (1 - q)) ** -0.5
    b = -a * (1 - q) * LOW

    def training(key: rng.Key) -> Apply:
        def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
            kept = laid_like(rng.bernoulli(key, q, x.shape), x)

            def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
                return (), a * (dy * laid_like(kept, dy)) if input_gradient else None

            return a * np.where(kept, x, LOW) + b, vjp

        return apply

    return drawing_in_training("alpha_dropout", training if q < 1 else None)
