"""`sgd`: stochastic gradient descent, plain or with momentum."""

from fnnet.arguments import flag, real
from fnnet.errors import ConfigError, expected
from fnnet.optim.chain import chain
from fnnet.optim.learning_rate import scale_by_learning_rate
from fnnet.optim.momentum import momentum as remember
from fnnet.optim.schedules import LearningRate
from fnnet.recipe import factory
from fnnet.types import Optimizer


@factory
def sgd(learning_rate: LearningRate, *, momentum: float = 0.0, nesterov: bool = False) -> Optimizer:
    """Stochastic gradient descent, `chain(optim.momentum(momentum), scale_by_learning_rate(learning_rate))`.

        v ← μ v + g,    θ ← θ - η v,    with `nesterov`: θ ← θ - η (g + μ v)

    Without momentum there is no velocity, neither computed nor kept: θ ← θ - η g.

    Args:
        learning_rate: η ≥ 0, or a schedule of the count of updates.
        momentum: μ in [0, 1); see `optim.momentum` for the convention.
        nesterov: look ahead along the velocity; needs momentum.

    >>> import numpy as np
    >>> optimizer = sgd(0.1)
    >>> params, grads = (np.zeros(2),), (np.array([1.0, -2.0]),)
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (array([-0.1,  0.2]),)
    """
    if real("momentum", momentum, 0, 1, open=")") == 0.0:
        if flag("nesterov", nesterov):
            raise ConfigError(expected("nesterov", "a momentum above 0 to look ahead along", f"momentum {momentum}"))
        return scale_by_learning_rate(learning_rate)
    return chain(remember(momentum, nesterov=nesterov), scale_by_learning_rate(learning_rate))
