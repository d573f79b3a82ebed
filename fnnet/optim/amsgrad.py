"""`amsgrad`, and `scale_by_amsgrad`: Adam whose estimate of the size of gradients never falls."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fnnet.arguments import real
from fnnet.optim.chain import chain
from fnnet.optim.engine import Block, Part, Rule, dividing, from_zero, link
from fnnet.optim.learning_rate import scale_by_learning_rate
from fnnet.optim.moments import remember
from fnnet.optim.schedules import LearningRate
from fnnet.recipe import factory
from fnnet.types import Array, Optimizer, Params


class ScaleByAmsgrad(NamedTuple):
    """How many updates were made, the running means m of gradients and v of their squares, and the largest v so far."""

    steps: int
    mean: Params
    square: Params
    largest: Params


@factory
def scale_by_amsgrad(*, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Optimizer:
    """AMSGrad without its learning rate: Adam that divides by the largest mean of squares there ever was.

        m ← b₁ m + (1 - b₁) u,    v ← b₂ v + (1 - b₂) u²,    w ← max(w, v)
        u ← m / (1 - b₁ᵗ) / (√(w / (1 - b₂ᵗ)) + ε)

    Args:
        b1: the weight of the old mean, in [0, 1).
        b2: the weight of the old mean of squares, in [0, 1).
        eps: ε > 0, outside the root and after the correction.

    Raises:
        ConfigError: from `init`, where ε √(1 - b₂), the least divisor, is too small for the dtype of a leaf: 0 / 0.

    Source: Reddi, Kale & Kumar 2018, "On the convergence of Adam and beyond", algorithm 2, with Adam's corrections as
    in PyTorch (the largest v is taken before the correction; optax takes it after).

    >>> import numpy as np
    >>> part = scale_by_amsgrad(b1=0.0, b2=0.0)
    >>> params, state = (np.zeros(1),), part.init((np.zeros(1),))
    >>> for g in (4.0, 1.0):
    ...     updates, state = part.update((np.array([g]),), state, params)
    >>> updates
    (array([0.25]),)
    """
    b1, b2 = real("b1", b1, 0, 1, open=")"), real("b2", b2, 0, 1, open=")")
    eps = real("eps", eps, 0, open="(")

    def at(count: int, updates: Sequence[Array]) -> Rule:
        root = math.sqrt(1 - b2 ** (count + 1))
        correction = root / (1 - b1 ** (count + 1))

        def rule(block: Block) -> None:
            remember(block, b1, b2)
            (m, v, w), spare = block.new, block.spare
            np.maximum(block.old[2], v, out=w)
            np.sqrt(w, out=spare)
            np.add(spare, eps * root, out=spare)
            np.divide(m, spare, out=block.update)
            np.multiply(block.update, correction * block.factor, out=block.update)

        return rule

    starts = from_zero, from_zero, dividing("eps · √(1 - b2)", eps * math.sqrt(1 - b2))
    return link(Part("scale_by_amsgrad", at, ScaleByAmsgrad, starts, takes="gradients", shows=("given", "mean")))


@factory
def amsgrad(learning_rate: LearningRate, *, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Optimizer:
    """AMSGrad, `chain(scale_by_amsgrad(…), scale_by_learning_rate(learning_rate))`.

        θ ← θ - η m̂ / (√ŵ + ε)

    Args:
        learning_rate: η ≥ 0, or a schedule of the count of updates.
        b1: the weight of the old mean of gradients, in [0, 1).
        b2: the weight of the old mean of squares, in [0, 1).
        eps: ε > 0, outside the root; see `scale_by_amsgrad`, which has the formulas.

    Source: Reddi, Kale & Kumar 2018, "On the convergence of Adam and beyond", algorithm 2.

    >>> import numpy as np
    >>> optimizer = amsgrad(0.001)
    >>> params, grads = (np.zeros(2),), (np.array([4.0, -0.01]),)
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (array([-0.001,  0.001]),)
    """
    return chain(scale_by_amsgrad(b1=b1, b2=b2, eps=eps), scale_by_learning_rate(learning_rate))
