"""`scale_by_learning_rate`, the end of most optimizers, and `scale_by_factor`: all updates times one number."""

from typing import NamedTuple

from fnnet.arguments import real
from fnnet.optim.engine import Factor, link
from fnnet.optim.schedules import LearningRate, schedule
from fnnet.recipe import factory
from fnnet.types import Optimizer


@factory
def scale_by_factor(factor: float) -> Optimizer:
    """Multiply all updates by a number.

        u ← factor · u

    Stateless. Args: `factor`, any finite number; negative ones turn the updates round.

    >>> import numpy as np
    >>> scale_by_factor(-2.0).update((np.ones(2),), ((),), (np.zeros(2),))[0]
    (array([-2., -2.]),)
    """
    factor = real("factor", factor)
    return link(Factor("scale_by_factor", lambda count: factor))


class ScaleByLearningRate(NamedTuple):
    """How many updates were made, which is what the schedule is asked with."""

    steps: int


@factory
def scale_by_learning_rate(learning_rate: LearningRate) -> Optimizer:
    """Step downhill: the last part of an optimizer.

        u ← -η(count) · u

    Args:
        learning_rate: a number ≥ 0, or a schedule: a function of the number of updates made so far, from 0. The count
            is kept in the state also for a number, so that one may go on with a schedule.

    Raises:
        ConfigError: the number, or at its update what a schedule returns, is negative or not finite.

    >>> import numpy as np
    >>> falling = scale_by_learning_rate(lambda count: 1 / (1 + count))
    >>> params = grads = (np.ones(2),)
    >>> updates, state = falling.update(grads, falling.init(params), params)
    >>> updates, state
    ((array([-1., -1.]),), (ScaleByLearningRate(steps=1),))
    >>> falling.update(grads, state, params)[0]
    (array([-0.5, -0.5]),)
    """
    rate = schedule(learning_rate)

    def factor(count: int) -> float:
        return -real(f"learning_rate at update {count}", rate(count), 0)

    return link(Factor("scale_by_learning_rate", factor, ScaleByLearningRate, turns=True))
