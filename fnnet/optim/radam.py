"""`radam`, and `scale_by_radam`: Adam that waits until its estimate of the size of gradients can be trusted."""

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

_ENOUGH = 5.0  # the number of squares a mean has to be made of, as in PyTorch and optax; the paper says 4


class ScaleByRadam(NamedTuple):
    """How many updates were made, and the running means m of gradients and v of their squares."""

    steps: int
    mean: Params
    square: Params


@factory
def scale_by_radam(*, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Optimizer:
    """RAdam without its learning rate: momentum at first, and Adam as soon as v is made of enough squares.

        ρ∞ = 2 / (1 - b₂) - 1,    ρ = ρ∞ - 2 t b₂ᵗ / (1 - b₂ᵗ)
        u ← r m̂ / (√v̂ + ε)  with  r² = (ρ - 4)(ρ - 2) ρ∞ / ((ρ∞ - 4)(ρ∞ - 2) ρ)  if ρ > 5,  else  u ← m̂

    with m̂ and v̂ as in `scale_by_adam`.

    Args:
        b1: the weight of the old mean, in [0, 1).
        b2: the weight of the old mean of squares, in [0, 1); up to ⅔ there are never enough squares.
        eps: ε > 0, outside the root and after the correction, as in `scale_by_adam` and optax; PyTorch puts it before.

    Raises:
        ConfigError: from `init`, where ε √(1 - b₂), the least divisor, is too small for the dtype of a leaf: 0 / 0.

    Source: Liu et al. 2020, "On the variance of the adaptive learning rate and beyond", algorithm 2; enough is 5
    instead of 4, as in PyTorch and optax.

    >>> import numpy as np
    >>> part = scale_by_radam()
    >>> params, grads = (np.zeros(2),), (np.array([4.0, -0.01]),)
    >>> part.update(grads, part.init(params), params)[0]
    (array([ 4.  , -0.01]),)
    """
    b1, b2 = real("b1", b1, 0, 1, open=")"), real("b2", b2, 0, 1, open=")")
    eps = real("eps", eps, 0, open="(")
    all_squares = 2 / (1 - b2) - 1

    def at(count: int, updates: Sequence[Array]) -> Rule:
        t = count + 1
        root, share = math.sqrt(1 - b2**t), 1 - b1**t
        squares = all_squares - 2 * t * b2**t / (1 - b2**t)
        trusted = squares > _ENOUGH
        correction = root / share * _rectified(squares, all_squares) if trusted else 1 / share

        def rule(block: Block) -> None:
            remember(block, b1, b2)
            (m, v), spare = block.new, block.spare
            if trusted:
                np.sqrt(v, out=spare)
                np.add(spare, eps * root, out=spare)
                np.divide(m, spare, out=block.update)
                m = block.update
            np.multiply(m, correction * block.factor, out=block.update)

        return rule

    starts = from_zero, dividing("eps · √(1 - b2)", eps * math.sqrt(1 - b2))
    return link(Part("scale_by_radam", at, ScaleByRadam, starts, takes="gradients", shows=("given", "mean")))


def _rectified(squares: float, all_squares: float) -> float:
    """r: how much less the root of a mean of so few squares varies than it would have to."""
    few = (squares - 4) * (squares - 2) * all_squares
    return math.sqrt(few / ((all_squares - 4) * (all_squares - 2) * squares))


@factory
def radam(learning_rate: LearningRate, *, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Optimizer:
    """RAdam, `chain(scale_by_radam(…), scale_by_learning_rate(learning_rate))`: Adam that needs no warm-up.

    Args:
        learning_rate: η ≥ 0, or a schedule of the count of updates.
        b1: the weight of the old mean of gradients, in [0, 1).
        b2: the weight of the old mean of squares, in [0, 1).
        eps: ε > 0, outside the root; see `scale_by_radam`, which has the formulas.

    Source: Liu et al. 2020, "On the variance of the adaptive learning rate and beyond", algorithm 2.

    >>> import numpy as np
    >>> optimizer = radam(0.1)
    >>> params, grads = (np.zeros(2),), (np.array([4.0, -0.01]),)
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (array([-0.4  ,  0.001]),)
    """
    return chain(scale_by_radam(b1=b1, b2=b2, eps=eps), scale_by_learning_rate(learning_rate))
