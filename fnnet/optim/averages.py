"""`ema` and `average`: means of the params that a training went through, which often do better than the last ones."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from fnnet import tree
from fnnet.arguments import flag, real, shown, whole
from fnnet.errors import ConfigError, expected
from fnnet.recipe import factory
from fnnet.tree import Leaf, locked
from fnnet.types import Params


class Averaged(NamedTuple):
    """What an average knows: a tree, saved and loaded like a `TrainState`.

    Args:
        params: the mean, params like any other; before any is counted those that are only there for their structure.
        counted: how many params it is made of.
    """

    params: Params
    counted: int = 0


Averaging: TypeAlias = Callable[[Averaged, Params], Averaged]


@factory
def ema(decay: float, *, debias: bool = True) -> Averaging:
    """The exponential moving average of params: the rule `averaged, params -> averaged`.

        a ← a + w (θ - a),    w = (1 - d) / (1 - dⁿ)    for the n-th params; without `debias` w = 1 - d, for the first 1

    So aₙ = Σ dⁿ⁻ⁱ θᵢ / Σ dⁿ⁻ⁱ, and the first params count no more than their age says. Begin with
    `Averaged(state.params)`, whose params are not counted, hand in the params of every step, and evaluate the net with
    `averaged.params`. Only trained leaves are averaged. `Running` leaves (batch norm's statistics, averages
    themselves), `Frozen` leaves and holes are those of the newest params; `training.calibrate` finds the statistics
    that fit the mean.

    Args:
        decay: d in [0, 1), the weight of the past; the mean reaches some 1 / (1 - d) steps back.
        debias: False is the form of PyTorch's `get_ema_multi_avg_fn`, in which the first params weigh dⁿ⁻¹.

    Raises (the rule):
        StructureError: the params do not fit the average; names the leaf.

    Source: Polyak & Juditsky 1992, "Acceleration of stochastic approximation by averaging"; the correction is Adam's.

    >>> rule, averaged = ema(0.5), Averaged((np.zeros(1),))
    >>> for value in (8.0, 2.0):
    ...     averaged = rule(averaged, (np.array([value]),))
    >>> averaged
    Averaged(params=(array([4.]),), counted=2)
    """
    decay, debias = real("decay", decay, 0, 1, open=")"), flag("debias", debias)

    def weight(n: int) -> float:
        if n == 1:
            return 1.0
        return (1 - decay) / (1 - decay**n) if debias else 1 - decay

    return _averaging(weight)


@factory
def average() -> Averaging:
    """The plain mean of params: the rule `averaged, params -> averaged`.

        a ← a + (θ - a) / n    for the n-th params

    For stochastic weight averaging hand in the params at the end of every epoch of the last part of a training, with a
    high, constant or cyclic rate. Marked leaves and use are as for `ema`; a net with batch norm needs
    `training.calibrate` afterwards.

    Raises (the rule):
        StructureError: the params do not fit the average; names the leaf.

    Source: Izmailov et al. 2018, "Averaging weights leads to wider optima and better generalization", algorithm 1.

    >>> rule, averaged = average(), Averaged((np.zeros(1),))
    >>> for value in (6.0, 2.0, 1.0):
    ...     averaged = rule(averaged, (np.array([value]),))
    >>> averaged
    Averaged(params=(array([3.]),), counted=3)
    """
    return _averaging(lambda n: 1 / n)


def _averaging(weight: Callable[[int], float]) -> Averaging:
    """The rule that gives the n-th params this weight."""

    def rule(averaged: Averaged, params: Params) -> Averaged:
        if not isinstance(averaged, Averaged):
            raise ConfigError(expected("averaged", "an Averaged", shown(averaged), "begin with optim.Averaged(params)"))
        n = whole("counted", averaged.counted, 0) + 1
        w = weight(n)
        params = tree.read_only(params)
        tree.check_same(averaged.params, params, ("averaged params", "params"))

        def mixed(old: Leaf, new: Leaf) -> Leaf:
            if not (isinstance(old, np.ndarray) and isinstance(new, np.ndarray)) or n == 1:
                return new
            with np.errstate(under="ignore"):
                made = np.multiply(new, w, out=np.empty_like(new))
                return locked(np.add(made, old * (1 - w), out=made))

        return Averaged(tree.zip_leaves(mixed, averaged.params, params), n)

    return rule
