"""`adam` and `adamw`, and `scale_by_adam`: updates divided by a running estimate of their size."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fnnet.arguments import flag, real
from fnnet.errors import ConfigError, expected
from fnnet.optim.chain import chain
from fnnet.optim.decay import add_decayed_weights
from fnnet.optim.engine import Block, Part, Rule, Where, dividing, from_zero, link
from fnnet.optim.learning_rate import scale_by_learning_rate
from fnnet.optim.moments import remember
from fnnet.optim.schedules import LearningRate
from fnnet.optim.where import everywhere
from fnnet.recipe import factory
from fnnet.types import Array, Optimizer, Params


class ScaleByAdam(NamedTuple):
    """How many updates were made, and the running means m of gradients and v of their squares."""

    steps: int
    mean: Params
    square: Params


@factory
def scale_by_adam(
    *,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    nesterov: bool = False,
    momentum_decay: float | None = None,
) -> Optimizer:
    """Adam without its learning rate: a running mean of gradients over the root of a running mean of their squares.

        m ← b₁ m + (1 - b₁) u,      m̂ = m / (1 - b₁ᵗ)
        v ← b₂ v + (1 - b₂) u²,     v̂ = v / (1 - b₂ᵗ)
        u ← m̂ / (√v̂ + ε)

    m and v start at 0; t = count + 1 is the number of this update. With `nesterov`,
    m̂ is replaced by what it would be if this gradient came once more:

        b₁ m / (1 - b₁ᵗ⁺¹) + (1 - b₁) u / (1 - b₁ᵗ)

    and with `momentum_decay` ψ beside it, that of a weight that rises to b₁, μₜ = b₁ (1 - ½ · 0.96^(t ψ)):

        μₜ₊₁ m / (1 - Π μ₁ … μₜ₊₁) + (1 - μₜ) u / (1 - Π μ₁ … μₜ)

    Args:
        b1: the weight of the old mean, in [0, 1).
        b2: the weight of the old mean of squares, in [0, 1).
        eps: ε > 0, outside the root and after the correction of v, as in the paper's algorithm 1, PyTorch and optax.
            Keras puts it before the correction (the paper's "epsilon hat").
        nesterov: look ahead, see `nadam`.
        momentum_decay: ψ > 0, how fast the weight rises that looks ahead; None for b₁ at all steps.

    Raises:
        ConfigError: there is a `momentum_decay` without `nesterov`.
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
    eps, nesterov = real("eps", eps, 0, open="("), flag("nesterov", nesterov)
    decay = None if momentum_decay is None else real("momentum_decay", momentum_decay, 0, open="(")
    if decay is not None and not nesterov:
        raise ConfigError(expected("momentum_decay", "None without nesterov", decay))

    def at(count: int, updates: Sequence[Array]) -> Rule:
        root = math.sqrt(1 - b2 ** (count + 1))
        correction = root / (1 - b1 ** (count + 1))
        ahead, fresh = b1 * root / (1 - b1 ** (count + 2)), (1 - b1) * correction
        if decay is not None:
            now, then = (b1 * (1 - 0.5 * 0.96 ** (t * decay)) for t in (count + 1, count + 2))
            product = _risen(b1, decay, count + 1)
            ahead, fresh = then * root / (1 - product * then), (1 - now) * root / (1 - product)

        def rule(block: Block) -> None:
            remember(block, b1, b2)
            (m, v), spare = block.new, block.spare
            if nesterov:
                np.multiply(m, ahead * block.factor, out=spare)
                np.multiply(block.given, fresh * block.factor, out=block.update)
                np.add(block.update, spare, out=block.update)
                np.sqrt(v, out=spare)
                np.add(spare, eps * root, out=spare)
                np.divide(block.update, spare, out=block.update)
                return
            np.sqrt(v, out=spare)
            np.add(spare, eps * root, out=spare)
            np.divide(m, spare, out=block.update)
            np.multiply(block.update, correction * block.factor, out=block.update)

        return rule

    starts = from_zero, dividing("eps · √(1 - b2)", eps * math.sqrt(1 - b2))
    return link(Part("scale_by_adam", at, ScaleByAdam, starts, takes="gradients", shows=("given", "mean")))


def _risen(b1: float, decay: float, t: int) -> float:
    """Π μ₁ … μₜ, which is 0 beside 1 where b₁ᵗ is.

    >>> round(_risen(0.5, 1.0, 2), 6) == round(0.5 * (1 - 0.5 * 0.96) * 0.5 * (1 - 0.5 * 0.96**2), 6)
    True
    """
    if b1**t < 1e-20:
        return 0.0
    return float(np.prod(b1 * (1 - 0.5 * 0.96 ** (np.arange(1, t + 1) * decay))))


@factory
def adam(learning_rate: LearningRate, *, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Optimizer:
    """Adam, `chain(scale_by_adam(…), scale_by_learning_rate(learning_rate))`.

        θ ← θ - η m̂ / (√v̂ + ε)

    Args:
        learning_rate: η ≥ 0, or a schedule of the count of updates.
        b1: the weight of the old mean of gradients, in [0, 1).
        b2: the weight of the old mean of squares, in [0, 1).
        eps: ε > 0, outside the root; see `scale_by_adam`, which has the formulas.

    Source: Kingma & Ba 2015, "Adam: a method for stochastic optimization", algorithm 1.

    >>> import numpy as np
    >>> optimizer = adam(0.001)
    >>> params, grads = (np.zeros(2),), (np.array([4.0, -0.01]),)
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (array([-0.001,  0.001]),)
    """
    return chain(scale_by_adam(b1=b1, b2=b2, eps=eps), scale_by_learning_rate(learning_rate))


@factory
def adamw(
    learning_rate: LearningRate,
    *,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.01,
    where: Where = everywhere,
) -> Optimizer:
    """Adam with decoupled decay.

        θ ← θ - η (m̂ / (√v̂ + ε) + λ θ)

    It is `chain(scale_by_adam(…), add_decayed_weights(weight_decay, where=where), scale_by_learning_rate(…))`. The
    decay follows the learning rate, as in PyTorch and optax; in the paper it follows the schedule only, so that its λ
    is η λ here.

    Args:
        learning_rate: η ≥ 0, or a schedule of the count of updates.
        b1: the weight of the old mean of gradients, in [0, 1).
        b2: the weight of the old mean of squares, in [0, 1).
        eps: ε > 0, outside the root; see `scale_by_adam`.
        weight_decay: λ ≥ 0.
        where: `(path, leaf) -> bool`, the leaves that decay: all by default as in PyTorch; `optim.is_weight` leaves
            biases and batch norm's parameters alone.

    Source: Loshchilov & Hutter 2019, "Decoupled weight decay regularization", algorithm 2.

    >>> import numpy as np
    >>> optimizer = adamw(0.5, weight_decay=0.25)
    >>> params, grads = (np.full(2, 4.0),), (np.zeros(2),)
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (array([-0.5, -0.5]),)
    """
    return chain(
        scale_by_adam(b1=b1, b2=b2, eps=eps),
        add_decayed_weights(weight_decay, where=where),
        scale_by_learning_rate(learning_rate),
    )
