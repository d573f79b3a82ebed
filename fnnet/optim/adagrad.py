"""`adagrad`, and `scale_by_adagrad`: updates divided by the root of the sum of all squares so far."""

from typing import NamedTuple

import numpy as np

from fnnet.arguments import real
from fnnet.optim.chain import chain
from fnnet.optim.engine import Block, Part, dividing, finish, link
from fnnet.optim.learning_rate import scale_by_learning_rate
from fnnet.optim.schedules import LearningRate
from fnnet.recipe import factory
from fnnet.types import Array, Optimizer, Params


class ScaleByAdagrad(NamedTuple):
    """The sum of squares."""

    square: Params


@factory
def scale_by_adagrad(*, eps: float = 1e-10, start: float = 0.0) -> Optimizer:
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

    def rule(block: Block) -> None:
        (s,), g, spare = block.new, block.given, block.spare
        np.square(g, out=spare)
        np.add(block.old[0], spare, out=s)
        np.sqrt(s, out=spare)
        np.add(spare, eps, out=spare)
        np.divide(g, spare, out=block.update)
        finish(block)

    def begin(leaf: Array) -> Array:
        return np.full(leaf.shape, start, leaf.dtype)

    starts = (dividing("eps", eps, begin),)
    return link(
        Part(
            "scale_by_adagrad", lambda count, updates: rule, ScaleByAdagrad, starts, takes="gradients", shows=("given",)
        )
    )


@factory
def adagrad(learning_rate: LearningRate, *, eps: float = 1e-10, start: float = 0.0) -> Optimizer:
    """Adagrad, `chain(scale_by_adagrad(eps=eps, start=start), scale_by_learning_rate(learning_rate))`.

        s ← s + g²,    θ ← θ - η g / (√s + ε)

    Args:
        learning_rate: η ≥ 0, or a schedule of the count of updates.
        eps: ε > 0, outside the root; see `scale_by_adagrad`.
        start: what s begins with, ≥ 0.

    Source: Duchi, Hazan & Singer 2011, "Adaptive subgradient methods …", fig. 1; defaults of PyTorch.

    >>> import numpy as np
    >>> optimizer = adagrad(0.1)
    >>> params, grads = (np.zeros(2),), (np.array([4.0, -0.01]),)
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (array([-0.1,  0.1]),)
    """
    return chain(scale_by_adagrad(eps=eps, start=start), scale_by_learning_rate(learning_rate))
