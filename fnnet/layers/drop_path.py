"""`drop_path`: in training, whole examples are left out at random, which makes a residual net's depth a random one."""

from fractions import Fraction

from fnnet.layers._dropping import dropping
from fnnet.recipe import factory
from fnnet.types import Layer


@factory
def drop_path(rate: float | Fraction, *, rescale: bool = True) -> Layer:
    """Leave out a fraction of the examples in training; in evaluation, change nothing.

        training:    y = m · x / (1 - rate),  dx = m · dy / (1 - rate),  m ~ Bernoulli(1 - rate) per example
        evaluation:  y = x,                   dx = dy

    At the end of a residual's body, what is left of a dropped example is its shortcut: stochastic depth. Keeps m.

    Args:
        rate: the fraction dropped, in [0, 1). A `Fraction` stays exact on exact arrays.
        rescale: whether survivors are scaled by 1 / (1 - rate), as everybody does now; Huang et al. scaled by
            1 - rate in evaluation instead.

    Shapes: x (N, …), y like x.

    Raises:
        ConfigError: rate is outside [0, 1).

    Source: Huang et al. 2016, "Deep networks with stochastic depth", eq. 2.

    >>> import numpy as np
    >>> from fnnet import layers, rng
    >>> net = layers.residual(layers.serial(layers.relu(), drop_path(0.5)))
    >>> net.train(rng.key(0)).apply(net.init(rng.key(0), (2,)), np.ones((4, 2), np.float32))[0].tolist()
    [[1.0, 1.0], [1.0, 1.0], [3.0, 3.0], [3.0, 3.0]]
    """
    return dropping("drop_path", rate, rescale, lambda shape: (shape[0], *(1,) * (len(shape) - 1)))
