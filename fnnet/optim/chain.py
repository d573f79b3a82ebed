"""`chain`: one optimizer after the other."""

from collections.abc import Sequence
from typing import Any

from fnnet.arguments import shown
from fnnet.errors import ConfigError, expected
from fnnet.optim.engine import Chain, Stage, link
from fnnet.recipe import factory
from fnnet.types import Optimizer, not_an_optimizer


@factory
def chain(*optimizers: Optimizer) -> Optimizer:
    """Compose optimizers: the first one receives the gradients, each further one the updates of the one before.

    The state is a tuple with one entry per part, `()` for a part without state. Chains within chains dissolve:
    `chain(a, chain(b, c))` is `chain(a, b, c)`, states included.

    >>> import numpy as np
    >>> from fnnet import optim
    >>> optimizer = optim.chain(optim.clip(1.0), optim.sgd(0.1))
    >>> params, grads = (np.zeros(2),), (np.array([5.0, 0.5]),)
    >>> optimizer.update(grads, optimizer.init(params), params)
    ((array([-0.1 , -0.05]),), ((), ScaleByLearningRate(steps=1)))
    """
    return link(*(stage for i, optimizer in enumerate(optimizers) for stage in _stages(i, optimizer)))


def _stages(i: int, optimizer: Any) -> Sequence[Stage | Optimizer]:
    if not isinstance(optimizer, Optimizer):
        fix = not_an_optimizer(optimizer) if callable(optimizer) else "write chain(first, second, …)"
        raise ConfigError(expected(f"chain: argument {i}", "an Optimizer", shown(optimizer), fix))
    return optimizer.update.stages if isinstance(optimizer.update, Chain) else (optimizer,)
