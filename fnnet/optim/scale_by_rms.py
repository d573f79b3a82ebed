"""`scale_by_rms`: updates divided by the root of a running mean of their squares."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fnnet.arguments import real
from fnnet.optim.chain import link
from fnnet.optim.part import Part, over, zeros
from fnnet.types import Array, Optimizer, Params


class ScaleByRms(NamedTuple):
    """The running mean of squares."""

    square: Params


def scale_by_rms(decay: float = 0.99, eps: float = 1e-8) -> Optimizer:
    """RMSProp without its learning rate.

        v ← ρ v + (1 - ρ) u²,    u ← u / (√v + ε)

    v starts at 0 and is not corrected for it, so the first steps are up to 1 / √(1 - ρ) times as long.

    Args:
        decay: ρ, the weight of the old mean, in [0, 1).
        eps: ε > 0, outside the root as in PyTorch; optax and Keras put it inside by default.

    Raises:
        ConfigError: from `init`, where ε is too small for the dtype of a leaf: 0 / 0.

    Source: Tieleman & Hinton 2012, Coursera lecture 6.5 "rmsprop".

    >>> import numpy as np
    >>> part = scale_by_rms(decay=0.75)
    >>> params, grads = (np.zeros(2),), (np.array([4.0, -0.01]),)
    >>> part.update(grads, part.init(params), params)[0]
    (array([ 1.99999999, -1.999996  ]),)
    """
    decay, eps = real("decay", decay, 0, 1, open=")"), real("eps", eps, 0, open="(")

    def rule(
        u: Array, g: Array, p: Any, old: Sequence[Array], new: Sequence[Array], spare: Array, factor: float
    ) -> None:
        (v,) = new
        np.multiply(old[0], decay, out=v)
        np.square(g, out=spare)
        np.multiply(spare, 1 - decay, out=spare)
        np.add(v, spare, out=v)
        np.sqrt(v, out=spare)
        np.add(spare, eps, out=spare)
        np.divide(g, spare, out=u)
        if factor != 1.0:
            np.multiply(u, factor, out=u)

    return link(Part("scale_by_rms", lambda count, updates: rule, ScaleByRms, (over("eps", eps, zeros),)))
