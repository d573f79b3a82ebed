"""Learning rates that change: functions of the number of updates made so far, from 0, to a Python float."""

from collections.abc import Callable
from typing import TypeAlias

from fnnet.errors import real

Schedule: TypeAlias = Callable[[int], float]
LearningRate: TypeAlias = float | Schedule


def schedule(learning_rate: LearningRate) -> Schedule:
    """A schedule as it is, a number as a constant one."""
    return learning_rate if callable(learning_rate) else constant(learning_rate)


def constant(value: float) -> Schedule:
    """The same rate for ever: η(count) = value, a number ≥ 0.

    >>> constant(0.1)(1000)
    0.1
    """
    value = real("learning_rate", value, 0)
    return lambda count: value
