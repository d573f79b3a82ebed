"""`Chain`: the update rule of stages one after the other."""

from typing import Any, TypeAlias

import attrs

from fnnet.errors import StructureError, expected
from fnnet.optim.engine import sweep
from fnnet.optim.engine.part import Factor, Part, Stage
from fnnet.types import Optimizer, Params

_Group: TypeAlias = tuple[list[Stage], Optimizer | None]


def link(*stages: Stage | Optimizer) -> Optimizer:
    """The optimizer made of these stages."""
    update = Chain(stages)
    return Optimizer(update.init, update)


@attrs.frozen(eq=False, repr=False)
class Chain:
    """The update rule of a chain. Neighbouring parts share one sweep; a user's own optimizer runs as it is."""

    stages: tuple[Stage | Optimizer, ...]
    groups: list[_Group] = attrs.field(init=False)

    @groups.default
    def _grouped(self) -> list[_Group]:
        """Runs of parts, and other optimizers, in order; a chain of nothing is one empty run."""
        groups: list[_Group] = []
        for stage in self.stages:
            if isinstance(stage, Optimizer):
                groups.append(([], stage))
            elif groups and groups[-1][1] is None:
                groups[-1][0].append(stage)
            else:
                groups.append(([stage], None))
        return groups or [([], None)]

    @property
    def parts(self) -> list[Stage] | None:
        """All stages where they are parts, None where one is an optimizer of another kind."""
        (parts, own), *others = self.groups
        return parts if own is None and not others else None

    def init(self, params: Params) -> tuple[Any, ...]:
        """The first state of every stage."""
        state: tuple[Any, ...] = ()
        for parts, own in self.groups:
            state += sweep.begin(parts, params) if own is None else (own.init(params),)
        return state

    def __call__(self, grads: Params, state: Any, params: Params) -> tuple[Params, tuple[Any, ...]]:
        """Updates and the next state; see `fnnet.types.Updates`."""
        self.check(state)
        updates, k = grads, 0
        then: tuple[Any, ...] = ()
        for parts, own in self.groups:
            if own is None:
                updates, new = sweep.update(parts, updates, state[k : k + len(parts)], params)
            else:
                updates, one = own.update(updates, state[k], params)
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
