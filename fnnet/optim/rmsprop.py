"""`rmsprop`, and `scale_by_rms`: updates divided by the root of a running mean of their squares."""

from typing import NamedTuple

import numpy as np

from fnnet.arguments import real
from fnnet.optim.chain import chain
from fnnet.optim.engine import Block, Part, dividing, finish, link
from fnnet.optim.learning_rate import scale_by_learning_rate
from fnnet.optim.momentum import momentum as remember
from fnnet.optim.schedules import LearningRate
from fnnet.recipe import factory
from fnnet.types import Optimizer, Params


class ScaleByRms(NamedTuple):
    """The running mean of squares."""

    square: Params


@factory
def scale_by_rms(decay: float = 0.99, *, eps: float = 1e-8) -> Optimizer:
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

    def rule(block: Block) -> None:
        (v,), g, spare = block.new, block.given, block.spare
        np.multiply(block.old[0], decay, out=v)
        np.square(g, out=spare)
        np.multiply(spare, 1 - decay, out=spare)
        np.add(v, spare, out=v)
        np.sqrt(v, out=spare)
        np.add(spare, eps, out=spare)
        np.divide(g, spare, out=block.update)
        finish(block)

    starts = (dividing("eps", eps),)
    return link(
        Part("scale_by_rms", lambda count, updates: rule, ScaleByRms, starts, takes="gradients", shows=("given",))
    )


@factory
def rmsprop(learning_rate: LearningRate, *, decay: float = 0.99, eps: float = 1e-8, momentum: float = 0.0) -> Optimizer:
    """RMSProp, `chain(scale_by_rms(decay, eps=eps), scale_by_learning_rate(learning_rate))`.

        v ← ρ v + (1 - ρ) g²,    θ ← θ - η g / (√v + ε)

    With momentum, `optim.momentum` stands between the two, as in PyTorch.

    Args:
        learning_rate: η ≥ 0, or a schedule of the count of updates.
        decay: ρ, the weight of the old mean, in [0, 1).
        eps: ε > 0, outside the root; see `scale_by_rms`.
        momentum: μ in [0, 1).

    Source: Tieleman & Hinton 2012, Coursera lecture 6.5 "rmsprop"; defaults of PyTorch.

    >>> import numpy as np
    >>> optimizer = rmsprop(0.1)
    >>> params, grads = (np.zeros(2),), (np.array([4.0, -2.0]),)
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (array([-0.99999998,  0.99999995]),)
    """
    if real("momentum", momentum, 0, 1, open=")") == 0.0:
        return chain(scale_by_rms(decay, eps=eps), scale_by_learning_rate(learning_rate))
    return chain(scale_by_rms(decay, eps=eps), remember(momentum), scale_by_learning_rate(learning_rate))
