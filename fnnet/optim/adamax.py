"""`adamax`, and `scale_by_adamax`: Adam by the largest gradient instead of the mean square."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fnnet.arguments import real
from fnnet.optim.chain import chain
from fnnet.optim.engine import Block, Part, Rule, dividing, from_zero, link
from fnnet.optim.learning_rate import scale_by_learning_rate
from fnnet.optim.moments import remember_mean
from fnnet.optim.schedules import LearningRate
from fnnet.recipe import factory
from fnnet.types import Array, Optimizer, Params


class ScaleByAdamax(NamedTuple):
    """How many updates were made, the running mean of gradients and their largest size, which decays."""

    steps: int
    mean: Params
    largest: Params


@factory
def scale_by_adamax(*, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Optimizer:
    """Adamax without its learning rate: a running mean of gradients over their largest size, which decays.

        m ← b₁ m + (1 - b₁) u,    w ← max(b₂ w, |u| + ε),    u ← m / (1 - b₁ᵗ) / w

    Nothing is squared, so that no finite gradient overflows the state. A complex number's size is that of its real
    part.

    Args:
        b1: the weight of the old mean, in [0, 1).
        b2: the weight of the old largest size, in [0, 1).
        eps: ε > 0, beside the size as in PyTorch and optax; the paper has none.

    Raises:
        ConfigError: from `init`, where ε is too small for the dtype of a leaf: 0 / 0.

    Source: Kingma & Ba 2015, "Adam: a method for stochastic optimization", algorithm 2.

    >>> import numpy as np
    >>> part = scale_by_adamax(b1=0.0)
    >>> params, grads = (np.zeros(2),), (np.array([4.0, -0.01]),)
    >>> part.update(grads, part.init(params), params)[0]
    (array([ 1.       , -0.999999]),)
    """
    b1, b2 = real("b1", b1, 0, 1, open=")"), real("b2", b2, 0, 1, open=")")
    eps = real("eps", eps, 0, open="(")

    def at(count: int, updates: Sequence[Array]) -> Rule:
        correction = 1 / (1 - b1 ** (count + 1))

        def rule(block: Block) -> None:
            remember_mean(block, b1)
            (m, w), spare = block.new, block.spare
            np.multiply(block.old[1], b2, out=w)
            _size(block.given, spare)
            np.add(spare, eps, out=spare)
            np.maximum(w, spare, out=w)
            np.divide(m, w, out=block.update)
            np.multiply(block.update, correction * block.factor, out=block.update)

        return rule

    return link(
        Part(
            "scale_by_adamax",
            at,
            ScaleByAdamax,
            (from_zero, dividing("eps", eps)),
            takes="gradients",
            shows=("given", "mean"),
        )
    )


def _size(u: Array, out: Array) -> None:
    """|u|, of complex numbers without a conjugate: u times the sign of its real part."""
    if u.dtype.kind == "c":
        np.multiply(u, np.copysign(u.real.dtype.type(1), u.real), out=out)
    else:
        np.abs(u, out=out)


@factory
def adamax(learning_rate: LearningRate, *, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Optimizer:
    """Adamax, `chain(scale_by_adamax(…), scale_by_learning_rate(learning_rate))`.

        θ ← θ - η m / (1 - b₁ᵗ) / w,    w ← max(b₂ w, |g| + ε)

    Args:
        learning_rate: η ≥ 0, or a schedule of the count of updates.
        b1: the weight of the old mean of gradients, in [0, 1).
        b2: the weight of the old largest size, in [0, 1).
        eps: ε > 0; see `scale_by_adamax`.

    Source: Kingma & Ba 2015, "Adam: a method for stochastic optimization", algorithm 2.

    >>> import numpy as np
    >>> optimizer = adamax(0.002)
    >>> params, grads = (np.zeros(2),), (np.array([4.0, -0.01]),)
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (array([-0.002,  0.002]),)
    """
    return chain(scale_by_adamax(b1=b1, b2=b2, eps=eps), scale_by_learning_rate(learning_rate))
