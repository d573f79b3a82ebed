"""`lookahead`: slow weights that now and then go a part of the way that fast ones went."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fnnet.arguments import real, whole
from fnnet.optim.chain import chain
from fnnet.optim.engine import Block, Part, Rule, link, pass_on
from fnnet.recipe import factory
from fnnet.types import Array, Optimizer, Params, check_optimizer


class Lookahead(NamedTuple):
    """How many updates were made, and the slow weights."""

    steps: int
    slow: Params


@factory
def lookahead(optimizer: Optimizer, k: int = 5, *, alpha: float = 0.5) -> Optimizer:
    """Let an optimizer run ahead k updates, then go back to a point on the way: one more part behind it.

        every k-th update:  φ ← φ + α (θ + u - φ),  θ ← φ;    all others:  θ ← θ + u

    with the slow weights φ, which start at θ. The optimizer's own state goes on as it is. Behind it nothing may change
    the steps, so a learning rate there is refused. The params in between are the fast ones: evaluate and keep those at
    a multiple of k.

    Args:
        optimizer: makes whole steps, learning rate included.
        k: updates between two returns, ≥ 1.
        alpha: α in (0, 1], the part of the way that is kept.

    Source: Zhang, Lucas, Hinton & Ba 2019, "Lookahead optimizer: k steps forward, 1 step back", algorithm 1.

    >>> from fnnet import optim
    >>> optimizer = lookahead(optim.sgd(1.0), k=2)
    >>> params, grads = (np.zeros(1),), (np.array([-1.0]),)
    >>> state, seen = optimizer.init(params), []
    >>> for _ in range(4):
    ...     updates, state = optimizer.update(grads, state, params)
    ...     params = optim.apply_updates(params, updates)
    ...     seen.append(params[0].item())
    >>> seen
    [1.0, 1.0, 2.0, 2.0]
    """
    check_optimizer(optimizer)
    k, alpha = whole("k", k, 1), real("alpha", alpha, 0, 1, open="(")

    def at(count: int, updates: Sequence[Array]) -> Rule:
        return back if (count + 1) % k == 0 else on

    def on(block: Block) -> None:
        if block.new[0] is not block.old[0]:
            np.copyto(block.new[0], block.old[0])
        pass_on(block)

    def back(block: Block) -> None:
        (old,), (slow,), p, spare = block.old, block.new, block.params, block.spare
        np.add(p, block.given, out=spare)
        np.subtract(spare, old, out=spare)
        np.multiply(spare, alpha, out=spare)
        np.add(old, spare, out=slow)
        np.subtract(slow, p, out=block.update)
        pass_on(block._replace(given=block.update))

    part = Part("lookahead", at, Lookahead, (np.array,), reads_params=True, takes="steps")
    return chain(optimizer, link(part))
