"""`adabelief`, and `scale_by_adabelief`: Adam by how far gradients are from what was expected."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fnnet.arguments import real
from fnnet.optim.chain import chain
from fnnet.optim.engine import Block, Part, Rule, dividing, from_zero, link
from fnnet.optim.learning_rate import scale_by_learning_rate
from fnnet.optim.moments import mix_square, remember_mean
from fnnet.optim.schedules import LearningRate
from fnnet.recipe import factory
from fnnet.types import Array, Optimizer, Params


class ScaleByAdabelief(NamedTuple):
    """How many updates were made, and the running means of gradients and of their squared distances from it."""

    steps: int
    mean: Params
    square: Params


@factory
def scale_by_adabelief(*, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-16) -> Optimizer:
    """AdaBelief without its learning rate: long steps where gradients are as expected.

        m ← b₁ m + (1 - b₁) u,    s ← b₂ s + (1 - b₂) (u - m)² + ε   (the new m)
        u ← m / (1 - b₁ᵗ) / (√(s / (1 - b₂ᵗ)) + ε)

    Args:
        b1: the weight of the old mean, in [0, 1).
        b2: the weight of the old mean of squares, in [0, 1).
        eps: ε > 0, at both of its places in the paper.

    Raises:
        ConfigError: from `init`, where ε is too small for the dtype of a leaf: 0 / 0.

    Source: Zhuang et al. 2020, "AdaBelief optimizer: adapting stepsizes by the belief in observed gradients",
    algorithm 2; the default of ε is that of its authors and optax.

    >>> import numpy as np
    >>> part = scale_by_adabelief(b1=0.5)
    >>> params, grads = (np.zeros(2),), (np.array([4.0, -0.01]),)
    >>> part.update(grads, part.init(params), params)[0]
    (array([ 2., -2.]),)
    """
    b1, b2 = real("b1", b1, 0, 1, open=")"), real("b2", b2, 0, 1, open=")")
    eps = real("eps", eps, 0, open="(")

    def at(count: int, updates: Sequence[Array]) -> Rule:
        root = math.sqrt(1 - b2 ** (count + 1))
        correction = root / (1 - b1 ** (count + 1))

        def rule(block: Block) -> None:
            remember_mean(block, b1)
            (m, s), spare = block.new, block.spare
            np.subtract(block.given, m, out=spare)
            mix_square(s, block.old[1], spare, b2, spare)
            np.add(s, eps, out=s)
            np.sqrt(s, out=spare)
            np.add(spare, eps * root, out=spare)
            np.divide(m, spare, out=block.update)
            np.multiply(block.update, correction * block.factor, out=block.update)

        return rule

    starts = from_zero, dividing("eps", eps)
    return link(Part("scale_by_adabelief", at, ScaleByAdabelief, starts, takes="gradients", shows=("given", "mean")))


@factory
def adabelief(learning_rate: LearningRate, *, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-16) -> Optimizer:
    """AdaBelief, `chain(scale_by_adabelief(…), scale_by_learning_rate(learning_rate))`.

    Args:
        learning_rate: η ≥ 0, or a schedule of the count of updates.
        b1: the weight of the old mean of gradients, in [0, 1).
        b2: the weight of the old mean of squares, in [0, 1).
        eps: ε > 0; see `scale_by_adabelief`, which has the formulas.

    Source: Zhuang et al. 2020, "AdaBelief optimizer: adapting stepsizes by the belief in observed gradients",
    algorithm 2.

    >>> import numpy as np
    >>> optimizer = adabelief(0.001, b1=0.5)
    >>> params, grads = (np.zeros(2),), (np.array([4.0, -0.01]),)
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (array([-0.002,  0.002]),)
    """
    return chain(scale_by_adabelief(b1=b1, b2=b2, eps=eps), scale_by_learning_rate(learning_rate))
