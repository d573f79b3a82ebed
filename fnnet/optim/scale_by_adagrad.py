"""`scale_by_adagrad`: updates divided by the root of the sum of all squares so far."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fnnet.arguments import real
from fnnet.optim.chain import link
from fnnet.optim.part import Part, over
from fnnet.types import Array, Optimizer, Params


class ScaleByAdagrad(NamedTuple):
    """The sum of squares."""

    square: Params


def scale_by_adagrad(eps: float = 1e-10, start: float = 0.0) -> Optimizer:
    """Adagrad without its learning rate.

        s ← s + u²,    u ← u / (√s + ε)

    Args:
        eps: ε > 0, outside the root as in PyTorch; optax puts it inside.
        start: what s begins with, ≥ 0, as in PyTorch; 0.1 in optax and Keras.

    Raises:
        ConfigError: from `init`, where ε is too small for the dtype of a leaf: 0 / 0.

    Source: Duchi, Hazan & Singer 2011, "Adaptive subgradient methods for online learning and stochastic optimization",
    fig. 1, the diagonal form.

    >>> import numpy as np
    >>> part = scale_by_adagrad()
    >>> params, grads = (np.zeros(2),), (np.array([3.0, -0.5]),)
    >>> part.update(grads, part.init(params), params)
    ((array([ 1., -1.]),), (ScaleByAdagrad(square=(array([9.  , 0.25]),)),))
    """
    eps, start = real("eps", eps, 0, open="("), real("start", start, 0)

    def rule(
        u: Array, g: Array, p: Any, old: Sequence[Array], new: Sequence[Array], spare: Array, factor: float
    ) -> None:
        (s,) = new
        np.square(g, out=spare)
        np.add(old[0], spare, out=s)
        np.sqrt(s, out=spare)
        np.add(spare, eps, out=spare)
        np.divide(g, spare, out=u)
        if factor != 1.0:
            np.multiply(u, factor, out=u)

    def begin(leaf: Array) -> Array:
        return np.full(leaf.shape, start, leaf.dtype)

    return link(Part("scale_by_adagrad", lambda count, updates: rule, ScaleByAdagrad, (over("eps", eps, begin),)))
