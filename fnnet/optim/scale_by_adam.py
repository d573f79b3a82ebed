"""`scale_by_adam`: updates divided by a running estimate of their size."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fnnet.arguments import real
from fnnet.optim.chain import link
from fnnet.optim.part import Part, Rule, over, zeros
from fnnet.types import Array, Optimizer, Params


class ScaleByAdam(NamedTuple):
    """How many updates were made, and the running means m of gradients and v of their squares."""

    steps: int
    mean: Params
    square: Params


def scale_by_adam(b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Optimizer:
    """Adam without its learning rate: a running mean of gradients over the root of a running mean of their squares.

        m ← b₁ m + (1 - b₁) u,      m̂ = m / (1 - b₁ᵗ)
        v ← b₂ v + (1 - b₂) u²,     v̂ = v / (1 - b₂ᵗ)
        u ← m̂ / (√v̂ + ε)

    m and v start at 0; t = count + 1 is the number of this update.

    Args:
        b1: the weight of the old mean, in [0, 1).
        b2: the weight of the old mean of squares, in [0, 1).
        eps: ε > 0, outside the root and after the correction of v, as in the paper's algorithm 1, PyTorch and optax.
            Keras puts it before the correction (the paper's "epsilon hat").

    Raises:
        ConfigError: from `init`, where ε √(1 - b₂), the least divisor, is too small for the dtype of a leaf: 0 / 0.

    Source: Kingma & Ba 2015, "Adam: a method for stochastic optimization", algorithm 1. Computed in the order the paper
    proposes for speed, u = m (√(1 - b₂ᵗ) / (1 - b₁ᵗ)) / (√v + ε √(1 - b₂ᵗ)), which is the same number.

    >>> import numpy as np
    >>> rule = scale_by_adam()
    >>> params, grads = (np.zeros(2),), (np.array([4.0, -0.01]),)
    >>> rule.update(grads, rule.init(params), params)[0]
    (array([ 1.       , -0.999999]),)
    """
    b1, b2 = real("b1", b1, 0, 1, open=")"), real("b2", b2, 0, 1, open=")")
    eps = real("eps", eps, 0, open="(")

    def at(count: int, updates: Sequence[Array]) -> Rule:
        root = math.sqrt(1 - b2 ** (count + 1))
        correction = root / (1 - b1 ** (count + 1))

        def rule(
            u: Array, g: Array, p: Any, old: Sequence[Array], new: Sequence[Array], spare: Array, factor: float
        ) -> None:
            m, v = new
            np.multiply(old[0], b1, out=m)
            np.multiply(g, 1 - b1, out=spare)
            np.add(m, spare, out=m)
            np.multiply(old[1], b2, out=v)
            np.square(g, out=spare)
            np.multiply(spare, 1 - b2, out=spare)
            np.add(v, spare, out=v)
            np.sqrt(v, out=spare)
            np.add(spare, eps * root, out=spare)
            np.divide(m, spare, out=u)
            np.multiply(u, correction * factor, out=u)

        return rule

    starts = zeros, over("eps · √(1 - b2)", eps * math.sqrt(1 - b2), zeros)
    return link(Part("scale_by_adam", at, ScaleByAdam, starts))
