"""`lion`, and `scale_by_lion`: steps of one size, in the direction of a mean of gradients."""

from typing import NamedTuple

import numpy as np

from fnnet.arguments import real
from fnnet.optim.chain import chain
from fnnet.optim.decay import add_decayed_weights
from fnnet.optim.engine import Block, Part, Where, finish, from_zero, link
from fnnet.optim.learning_rate import scale_by_learning_rate
from fnnet.optim.schedules import LearningRate
from fnnet.optim.where import everywhere
from fnnet.recipe import factory
from fnnet.types import Optimizer, Params


class ScaleByLion(NamedTuple):
    """The running mean of gradients."""

    mean: Params


@factory
def scale_by_lion(*, b1: float = 0.9, b2: float = 0.99) -> Optimizer:
    """Lion without its learning rate: the sign of a mean that weighs the present gradient more than the memory does.

        u ← sign(b₁ m + (1 - b₁) u),    m ← b₂ m + (1 - b₂) u   (the given u)

    m starts at 0. The sign of a complex number is that of its real part.

    Args:
        b1: the weight of the old mean in the step, in [0, 1).
        b2: the weight of the old mean in the memory, in [0, 1).

    Source: Chen et al. 2023, "Symbolic discovery of optimization algorithms", algorithm 2.

    >>> import numpy as np
    >>> part = scale_by_lion()
    >>> params, grads = (np.zeros(3),), (np.array([4.0, -0.01, 0.0]),)
    >>> part.update(grads, part.init(params), params)[0]
    (array([ 1., -1.,  0.]),)
    """
    b1, b2 = real("b1", b1, 0, 1, open=")"), real("b2", b2, 0, 1, open=")")

    def rule(block: Block) -> None:
        (m,), u, spare = block.new, block.update, block.spare
        np.multiply(block.old[0], b1, out=spare)
        np.multiply(block.old[0], b2, out=m)
        np.multiply(block.given, 1 - b2, out=u)
        np.add(m, u, out=m)
        np.multiply(u, (1 - b1) / (1 - b2), out=u)  # the given update may be gone by now
        np.add(spare, u, out=spare)
        u[...] = np.sign(spare.real)
        finish(block)

    return link(Part("scale_by_lion", lambda count, updates: rule, ScaleByLion, (from_zero,), takes="gradients"))


@factory
def lion(
    learning_rate: LearningRate,
    *,
    b1: float = 0.9,
    b2: float = 0.99,
    weight_decay: float = 0.0,
    where: Where = everywhere,
) -> Optimizer:
    """Lion, `chain(scale_by_lion(…), add_decayed_weights(weight_decay, where=where), scale_by_learning_rate(…))`.

        θ ← θ - η (sign(b₁ m + (1 - b₁) g) + λ θ),    m ← b₂ m + (1 - b₂) g

    Every element moves by η, so rates are 3 to 10 times smaller than Adam's, and decays as much larger.

    Args:
        learning_rate: η ≥ 0, or a schedule of the count of updates.
        b1: the weight of the old mean in the step, in [0, 1).
        b2: the weight of the old mean in the memory, in [0, 1).
        weight_decay: λ ≥ 0.
        where: `(path, leaf) -> bool`, the leaves that decay; see `add_decayed_weights`.

    Source: Chen et al. 2023, "Symbolic discovery of optimization algorithms", algorithm 2.

    >>> import numpy as np
    >>> optimizer = lion(0.5, weight_decay=0.25)
    >>> params, grads = (np.full(2, 4.0),), (np.array([3.0, -0.01]),)
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (array([-1.,  0.]),)
    """
    return chain(
        scale_by_lion(b1=b1, b2=b2),
        add_decayed_weights(weight_decay, where=where),
        scale_by_learning_rate(learning_rate),
    )
