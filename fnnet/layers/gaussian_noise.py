"""`gaussian_noise`: in training, noise is added."""

import numpy as np

from fnnet import rng
from fnnet.arguments import real
from fnnet.kernels.order import laid_like
from fnnet.layers._dropping import drawing_in_training
from fnnet.recipe import factory
from fnnet.types import Apply, Array, Layer, Params, Pullback


@factory
def gaussian_noise(std: float) -> Layer:
    """Add independent normal noise to every element in training; in evaluation, change nothing.

        training:    y = x + std · ε,  ε ~ N(0, 1) per element;    dx = dy
        evaluation:  y = x,                                        dx = dy

    ε is a pure function of the key and the logical shape of x, whatever its memory order. Keeps nothing.

    Args:
        std: the deviation, at least 0, in the units of x.

    Shapes: x (N, …), y like x.

    Raises:
        ConfigError: std is below 0 or not finite.

    Source: Bishop 1995, "Training with noise is equivalent to Tikhonov regularization", eq. 7.

    >>> from fnnet import rng
    >>> net = gaussian_noise(0.1)
    >>> y, _ = net.train(rng.key(0)).apply((), np.zeros((100, 50)))
    >>> round(float(y.std()), 2), net.apply((), y)[0] is y
    (0.1, True)
    """
    std = real("std", std, 0)

    def training(key: rng.Key) -> Apply:
        def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
            noise = rng.normal(key, x.shape, np.float32 if x.dtype == np.float32 else np.float64)

            def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
                return (), dy if input_gradient else None

            return x + std * laid_like(noise, x), vjp

        return apply

    return drawing_in_training("gaussian_noise", training if std else None)
