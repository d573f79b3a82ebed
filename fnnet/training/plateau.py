"""`reduce_on_plateau`: a learning rate that falls when the value it is judged by no longer gets better."""

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from fnnet.arguments import one_of, real, shown, whole
from fnnet.errors import ConfigError, expected
from fnnet.recipe import factory
from fnnet.training.early_stopping import MODES, Mode


class PlateauState(NamedTuple):
    """What is remembered: a tree of numbers, saved and loaded like a `TrainState`.

    Args:
        rate: the learning rate now; a training starts from `PlateauState(rate=0.1)`.
        evaluations: values seen.
        best: the least of them, or the greatest; infinite before the first.
        waited: evaluations in a row that were no better.
        resting: evaluations that do not count yet, after the rate fell.
    """

    rate: float
    evaluations: int = 0
    best: float = math.inf
    waited: int = 0
    resting: int = 0


Lowering: TypeAlias = Callable[[PlateauState, float], PlateauState]


@factory
def reduce_on_plateau(
    factor: float = 0.1,
    patience: int = 10,
    *,
    threshold: float = 1e-4,
    cooldown: int = 0,
    least: float = 0.0,
    mode: Mode = "min",
) -> Lowering:
    """The rule `(plateau, value) -> plateau` that multiplies the rate by a factor when the value stays where it is.

        better:  value < best - threshold · |best|;    at the `patience`-th in a row that is not:  rate ← factor · rate

    The rate is that of the next optimizer: an optimizer is a value, and its state goes on whatever number its rate is.

    Args:
        factor: in (0, 1).
        patience: evaluations in a row, ≥ 1, counted as by `training.patience`; PyTorch's is one less.
        threshold: the relative change that is an improvement, ≥ 0.
        cooldown: evaluations after a fall in which none is counted, ≥ 0.
        least: the rate does not fall below it.
        mode: whether the least value is the best, "min", or the greatest, "max".

    Raises:
        ConfigError: an option is out of its range.

    Raises (the rule):
        ConfigError: the plateau is none, or the value is no finite number.

    Source: the rule of PyTorch's `ReduceLROnPlateau`.

    >>> from fnnet import layers, optim, training
    >>> lower, plateau = reduce_on_plateau(0.5, patience=2), PlateauState(rate=0.1)
    >>> for loss in (3.0, 1.0, 1.2, 1.1, 0.9):                    # one an epoch
    ...     optimizer = optim.sgd(plateau.rate, momentum=0.9)     # of the next epoch's step
    ...     plateau = lower(plateau, loss)
    >>> plateau.rate, plateau.best
    (0.05, 0.9)
    """
    factor, patience = real("factor", factor, 0, 1, open="()"), whole("patience", patience, 1)
    threshold, cooldown, least = (
        real("threshold", threshold, 0),
        whole("cooldown", cooldown, 0),
        real("least", least, 0),
    )
    if not isinstance(mode, str) or mode not in MODES:
        raise ConfigError(expected("mode", one_of(MODES), shown(mode)))

    def rule(plateau: PlateauState, value: float) -> PlateauState:
        if not isinstance(plateau, PlateauState):
            raise ConfigError(
                expected("plateau", "a PlateauState", shown(plateau), "begin with PlateauState(rate=0.1)")
            )
        value = real("value", value)
        rate, evaluations, best, waited, resting = plateau
        gain = best - value if mode == "min" else value - best
        if evaluations == 0 or gain > threshold * abs(best):
            best, waited = value, 0
        else:
            waited += 1
        if resting:
            waited, resting = 0, resting - 1
        if waited >= patience:
            rate, waited, resting = min(rate, max(rate * factor, least)), 0, cooldown
        return PlateauState(rate, evaluations + 1, best, waited, resting)

    return rule
