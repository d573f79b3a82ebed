"""`adadelta`, and `scale_by_adadelta`: updates in the units of past updates."""

from typing import NamedTuple

import numpy as np

from fnnet.arguments import real
from fnnet.optim.chain import chain
from fnnet.optim.engine import Block, Part, dividing, finish, from_zero, link
from fnnet.optim.learning_rate import scale_by_learning_rate
from fnnet.optim.moments import mix_square
from fnnet.optim.schedules import LearningRate
from fnnet.recipe import factory
from fnnet.types import Optimizer, Params


class ScaleByAdadelta(NamedTuple):
    """The running means of squares, of gradients and of updates."""

    square: Params
    step: Params


@factory
def scale_by_adadelta(decay: float = 0.9, *, eps: float = 1e-6) -> Optimizer:
    """Adadelta without its learning rate.

        v ← ρ v + (1 - ρ) u²,    u ← u √(s + ε) / √(v + ε),    s ← ρ s + (1 - ρ) u²   (the new u)

    v and s start at 0.

    Args:
        decay: ρ, the weight of the old means, in [0, 1).
        eps: ε > 0, inside both roots; the first steps are about √ε long.

    Raises:
        ConfigError: from `init`, where ε is too small for the dtype of a leaf: 0 / 0.

    Source: Zeiler 2012, "Adadelta: an adaptive learning rate method", algorithm 1.

    >>> import numpy as np
    >>> part = scale_by_adadelta(decay=0.75, eps=0.25)
    >>> params, grads = (np.zeros(2),), (np.array([0.0, np.sqrt(3)]),)
    >>> part.update(grads, part.init(params), params)[0]
    (array([0.       , 0.8660254]),)
    """
    decay, eps = real("decay", decay, 0, 1, open=")"), real("eps", eps, 0, open="(")

    def rule(block: Block) -> None:
        (v, s), old, u, spare = block.new, block.old, block.update, block.spare
        mix_square(v, old[0], block.given, decay, spare)
        np.add(v, eps, out=spare)
        np.sqrt(spare, out=spare)
        np.divide(block.given, spare, out=u)
        np.add(old[1], eps, out=spare)
        np.sqrt(spare, out=spare)
        np.multiply(u, spare, out=u)
        mix_square(s, old[1], u, decay, spare)
        finish(block)

    starts = dividing("eps", eps), from_zero
    return link(
        Part(
            "scale_by_adadelta",
            lambda count, updates: rule,
            ScaleByAdadelta,
            starts,
            takes="gradients",
            shows=("given",),
        )
    )


@factory
def adadelta(learning_rate: LearningRate = 1.0, *, decay: float = 0.9, eps: float = 1e-6) -> Optimizer:
    """Adadelta, `chain(scale_by_adadelta(decay, eps=eps), scale_by_learning_rate(learning_rate))`.

    Args:
        learning_rate: η ≥ 0, or a schedule of the count of updates; the paper has 1.
        decay: ρ, the weight of the old means, in [0, 1).
        eps: ε > 0, inside the roots; see `scale_by_adadelta`, which has the formulas.

    Source: Zeiler 2012, "Adadelta: an adaptive learning rate method", algorithm 1; defaults of PyTorch.

    >>> import numpy as np
    >>> optimizer = adadelta()
    >>> params, grads = (np.zeros(2),), (np.array([4.0, -0.01]),)
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (array([-0.00316228,  0.00301511]),)
    """
    return chain(scale_by_adadelta(decay, eps=eps), scale_by_learning_rate(learning_rate))
