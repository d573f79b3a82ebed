"""`Chain`: the update rule of stages one after the other."""

import functools
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import attrs

from fnnet.errors import ConfigError, StructureError, expected
from fnnet.optim.engine import sweep
from fnnet.optim.engine.part import Factor, Part, Stage
from fnnet.optim.engine.plan import Plan, plan_of
from fnnet.types import Optimizer, Params, Updates


def link(*stages: Stage | Optimizer) -> Optimizer:
    """The optimizer made of these stages."""
    check_order(stages)
    update = Chain(stages)
    return Optimizer(update.init, update)


@attrs.frozen(eq=False)
class Shared:
    """The update rule of an optimizer that hands leaves on to others.

    Args:
        optimizers: the others.
        update: see `fnnet.types.Updates`.
    """

    optimizers: tuple[Optimizer, ...]
    update: Updates

    def __call__(self, grads: Params, state: Any, params: Params) -> tuple[Params, Any]:
        """Updates and the next state."""
        return self.update(grads, state, params)


def check_order(stages: Sequence[Stage | Optimizer], front: Stage | None = None) -> Stage | None:
    """Raise where a stage that is right for gradients only would get steps, or one for steps gradients.

    Args:
        stages: one after the other.
        front: what makes steps in front of them, None where nothing does.

    Returns:
        What makes steps in front of what comes behind them: a learning rate, or a part that takes steps.

    Raises:
        ConfigError: the message gives the order that is right.
    """
    return functools.reduce(_behind, stages, front)


def _behind(front: Stage | None, stage: Stage | Optimizer) -> Stage | None:
    """What makes steps in front of what comes behind one stage."""
    if isinstance(stage, Optimizer):
        rule = stage.update
        if isinstance(rule, Shared):  # side by side
            found = [check_order([own], front) for own in rule.optimizers]
            return next((each for each in found if each is not None), None)
        return check_order(rule.stages, front) if isinstance(rule, Chain) else front
    turns = isinstance(stage, Factor) and stage.turns
    takes = stage.takes if isinstance(stage, Part) else "any"
    if front is None:
        return stage if turns or takes == "steps" else None
    if turns and isinstance(front, Part):
        got = f"gradients, as {stage.name} stands behind it"
        fix = f"put it behind: chain(…, {stage.name}, {front.name})"
        raise ConfigError(expected("chain", f"{front.name} to be given steps", got, fix))
    if turns:
        fix = "leave one out; rates that differ from leaf to leaf are what partition is for"
        raise ConfigError(expected("chain", "one learning rate", f"{stage.name} behind {front.name}", fix))
    if takes == "gradients":
        got = f"steps, as it stands behind {front.name}"
        fix = f"put it in front: chain(…, {stage.name}, {front.name})"
        raise ConfigError(expected("chain", f"{stage.name} to be given gradients", got, fix))
    return front


@attrs.frozen(eq=False, repr=False)
class Chain:
    """The update rule of a chain. Neighbouring parts share one sweep; a user's own optimizer runs as it is."""

    stages: tuple[Stage | Optimizer, ...]
    groups: tuple[Plan | Optimizer, ...] = attrs.field(init=False)

    @groups.default
    def _grouped(self) -> tuple[Plan | Optimizer, ...]:
        """Plans of parts, and other optimizers, in order; a chain of nothing is one plan."""
        groups: list[Plan | Optimizer] = []
        for own, neighbours in groupby(self.stages, lambda stage: isinstance(stage, Optimizer)):
            run: list[Any] = list(neighbours)
            groups += run if own else [plan_of(run)]
        return tuple(groups) or (plan_of(()),)

    @property
    def plan(self) -> Plan | None:
        """The plan of all stages where they are parts, None where one is an optimizer of another kind."""
        first, *others = self.groups
        return first if isinstance(first, Plan) and not others else None

    def init(self, params: Params) -> tuple[Any, ...]:
        """The first state of every stage."""
        state: tuple[Any, ...] = ()
        for group in self.groups:
            state += sweep.begin(group.parts, params) if isinstance(group, Plan) else (group.init(params),)
        return state

    def __call__(self, grads: Params, state: Any, params: Params) -> tuple[Params, tuple[Any, ...]]:
        """Updates and the next state; see `fnnet.types.Updates`."""
        self.check(state)
        updates, k = grads, 0
        then: tuple[Any, ...] = ()
        for group in self.groups:
            if isinstance(group, Plan):
                updates, new = sweep.update(group, updates, state[k : k + len(group.parts)], params)
            else:
                updates, one = group.update(updates, state[k], params)
                new = (one,)
            k += len(new)
            then += new
        return updates, then

    def check(self, state: Any) -> None:
        """Raise unless a state has one entry for every stage."""
        if type(state) is not tuple or len(state) != len(self.stages):
            wanted = f"a tuple of {len(self.stages)}, one for each of {self!r}"
            got = f"a tuple of {len(state)}" if type(state) is tuple else type(state).__name__
            raise StructureError(expected("state", wanted, got, "make it with this optimizer's init"))

    def __repr__(self) -> str:
        names = (stage.name if isinstance(stage, Part | Factor) else repr(stage.update) for stage in self.stages)
        return f"chain({', '.join(names)})"
