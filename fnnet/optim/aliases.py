"""The optimizers by their usual names, each a chain of the parts it is made of."""

from fnnet.errors import real
from fnnet.optim.chain import chain
from fnnet.optim.scale import scale_by_learning_rate
from fnnet.optim.scale_by_adam import scale_by_adam
from fnnet.optim.schedules import LearningRate
from fnnet.optim.trace import trace
from fnnet.types import Optimizer


def sgd(learning_rate: LearningRate, momentum: float = 0.0, nesterov: bool = False) -> Optimizer:
    """Stochastic gradient descent, `chain(trace(momentum, nesterov), scale_by_learning_rate(learning_rate))`.

        v ← μ v + g,    θ ← θ - η v,    with `nesterov`: θ ← θ - η (g + μ v)

    Without momentum there is no velocity, neither computed nor kept: θ ← θ - η g.

    Args:
        learning_rate: η ≥ 0, or a schedule of the count of updates.
        momentum: μ in [0, 1); see `trace` for the convention.
        nesterov: look ahead along the velocity; needs momentum.

    >>> import numpy as np
    >>> optimizer = sgd(0.1)
    >>> params, grads = (np.zeros(2),), (np.array([1.0, -2.0]),)
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (array([-0.1,  0.2]),)
    """
    if real("momentum", momentum, 0, 1, open=")") == 0.0 and not nesterov:
        return scale_by_learning_rate(learning_rate)
    return chain(trace(momentum, nesterov), scale_by_learning_rate(learning_rate))


def adam(learning_rate: LearningRate, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Optimizer:
    """Adam, `chain(scale_by_adam(b1, b2, eps), scale_by_learning_rate(learning_rate))`.

        θ ← θ - η m̂ / (√v̂ + ε)

    Args:
        learning_rate: η ≥ 0, or a schedule of the count of updates.
        b1: the weight of the old mean of gradients, in [0, 1).
        b2: the weight of the old mean of squares, in [0, 1).
        eps: ε ≥ 0, outside the root; see `scale_by_adam`, which has the formulas.

    Source: Kingma & Ba 2015, "Adam: a method for stochastic optimization", algorithm 1.

    >>> import numpy as np
    >>> optimizer = adam(0.001)
    >>> params, grads = (np.zeros(2),), (np.array([4.0, -0.01]),)
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (array([-0.001,  0.001]),)
    """
    return chain(scale_by_adam(b1, b2, eps), scale_by_learning_rate(learning_rate))
