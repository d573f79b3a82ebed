"""`trace`: momentum, the memory of past updates."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fnnet.arguments import real
from fnnet.optim.chain import link
from fnnet.optim.part import Part, zeros
from fnnet.types import Array, Optimizer, Params


class Trace(NamedTuple):
    """The velocity of every leaf."""

    velocity: Params


def trace(momentum: float, nesterov: bool = False) -> Optimizer:
    """Momentum.

        v ← μ v + u,    u ← v,    with `nesterov`: u ← u + μ v   (the new v)

    v starts at 0. As the learning rate comes after, a falling rate slows the velocity already gathered, as in PyTorch;
    in the older form, v ← μ v - η u and w ← w + v, it does not. With a constant rate both make the same steps.

    Args:
        momentum: μ in [0, 1), the weight of the past.
        nesterov: look ahead along the velocity.

    Source: Polyak 1964; Sutskever et al. 2013, "On the importance of initialization and momentum", eqs. 1-4; Nesterov's
    form written as in PyTorch, without dampening.

    >>> import numpy as np
    >>> heavy = trace(0.5)
    >>> params = grads = (np.ones(1),)
    >>> _, state = heavy.update(grads, heavy.init(params), params)
    >>> heavy.update(grads, state, params)
    ((array([1.5]),), (Trace(velocity=(array([1.5]),)),))
    """
    momentum = real("momentum", momentum, 0, 1, open=")")

    def rule(
        u: Array, g: Array, p: Any, old: Sequence[Array], new: Sequence[Array], spare: Array, factor: float
    ) -> None:
        (v,) = new
        np.multiply(old[0], momentum, out=v)
        np.add(v, g, out=v)
        if not nesterov:
            np.multiply(v, factor, out=u)
            return
        np.multiply(v, momentum * factor, out=spare)
        np.multiply(g, factor, out=u)
        np.add(u, spare, out=u)

    return link(Part("trace", lambda count, updates: rule, Trace, (zeros,)))
