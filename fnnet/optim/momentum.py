"""`momentum`: a velocity that remembers past updates."""

from typing import NamedTuple

import numpy as np

from fnnet.arguments import flag, real
from fnnet.optim.engine import Block, Part, from_zero, link
from fnnet.recipe import factory
from fnnet.types import Optimizer, Params


class Momentum(NamedTuple):
    """The velocity of every leaf."""

    velocity: Params


@factory
def momentum(decay: float, *, nesterov: bool = False) -> Optimizer:
    """Momentum.

        v ← μ v + u,    u ← v,    with `nesterov`: u ← u + μ v   (the new v)

    v starts at 0. As the learning rate comes after, a falling rate slows the velocity already gathered, as in PyTorch;
    in the older form, v ← μ v - η u and w ← w + v, it does not. With a constant rate both make the same steps.

    Args:
        decay: μ in [0, 1), the weight of the past.
        nesterov: look ahead along the velocity.

    Source: Polyak 1964; Sutskever et al. 2013, "On the importance of initialization and momentum", eqs. 1-4; Nesterov's
    form written as in PyTorch, without dampening.

    >>> import numpy as np
    >>> heavy = momentum(0.5)
    >>> params = grads = (np.ones(1),)
    >>> _, state = heavy.update(grads, heavy.init(params), params)
    >>> heavy.update(grads, state, params)
    ((array([1.5]),), (Momentum(velocity=(array([1.5]),)),))
    """
    decay, nesterov = real("decay", decay, 0, 1, open=")"), flag("nesterov", nesterov)

    def rule(block: Block) -> None:
        (v,), u, spare = block.new, block.update, block.spare
        np.multiply(block.old[0], decay, out=v)
        np.add(v, block.given, out=v)
        if not nesterov:
            np.multiply(v, block.factor, out=u)
            return
        np.multiply(v, decay * block.factor, out=spare)
        np.multiply(block.given, block.factor, out=u)
        np.add(u, spare, out=u)

    return link(Part("momentum", lambda count, updates: rule, Momentum, (from_zero,), shows=("given", "velocity")))
