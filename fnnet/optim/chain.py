"""`chain`: one optimizer after the other."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import attrs

from fnnet.errors import ConfigError, StructureError, expected
from fnnet.optim import sweep
from fnnet.optim.part import Part, Scale
from fnnet.types import Optimizer, Params


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


def _stages(i: int, optimizer: Any) -> Sequence[Part | Scale | Optimizer]:
    if not isinstance(optimizer, Optimizer):
        fix = "call the factory, as in clip(1.0)" if callable(optimizer) else "write chain(first, second, …)"
        raise ConfigError(expected(f"chain: argument {i}", "an Optimizer", repr(optimizer), fix))
    return optimizer.update.stages if isinstance(optimizer.update, Chain) else (optimizer,)


def link(*stages: Part | Scale | Optimizer) -> Optimizer:
    """The optimizer made of these stages."""
    update = Chain(stages)
    return Optimizer(update.init, update)


@attrs.frozen(eq=False, repr=False)
class Chain:
    """The update rule of a chain. Neighbouring parts share one sweep; a user's own optimizer runs as it is."""

    stages: tuple[Part | Scale | Optimizer, ...]
    groups: "list[_Group]" = attrs.field(init=False)

    @groups.default
    def _grouped(self) -> "list[_Group]":
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
    def is_sweep(self) -> bool:
        """Whether all stages are parts."""
        return len(self.groups) == 1 and self.groups[0][1] is None

    def init(self, params: Params) -> tuple[Any, ...]:
        """The first state of every stage."""
        state: tuple[Any, ...] = ()
        for parts, own in self.groups:
            state += sweep.init(parts, params) if own is None else (own.init(params),)
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
        names = (stage.name if isinstance(stage, Part | Scale) else repr(stage.update) for stage in self.stages)
        return f"chain({', '.join(names)})"


_Group: TypeAlias = tuple[list[Part | Scale], Optimizer | None]
