"""`lamb`, and `scale_by_trust_ratio`: each leaf moves by a share of its own length."""

from fnnet.optim.adam import scale_by_adam
from fnnet.optim.chain import chain
from fnnet.optim.decay import add_decayed_weights
from fnnet.optim.engine import Block, Part, Where, link, pass_on
from fnnet.optim.learning_rate import scale_by_learning_rate
from fnnet.optim.length import length_of, rescale, rescaling
from fnnet.optim.schedules import LearningRate
from fnnet.optim.where import everywhere, predicate
from fnnet.recipe import factory
from fnnet.types import Optimizer


@factory
def scale_by_trust_ratio(*, where: Where = everywhere) -> Optimizer:
    """Give the update of each leaf the length of that leaf.

        u ← u ‖θ‖ / ‖u‖    leaf by leaf; u ← u where θ or u is 0

    Stateless. Lengths are taken in float64 at least, in the whole range of numbers.

    Args:
        where: `(path, leaf) -> bool`, the leaves that are scaled, all by default.

    Source: You, Gitman & Ginsburg 2017, "Large batch training of convolutional networks"; You et al. 2020, see `lamb`,
    with φ(z) = z.

    >>> import numpy as np
    >>> part = scale_by_trust_ratio()
    >>> params, grads = (np.array([6.0, 8.0]), np.zeros(1)), (np.array([0.0, 0.5]), np.array([3.0]))
    >>> part.update(grads, part.init(params), params)[0]
    (array([ 0., 10.]), array([3.]))
    """

    def rule(block: Block) -> None:
        (own, its_unit), measured = length_of([block.params]), length_of([block.given])
        if own == 0 or measured[0] == 0:
            pass_on(block)
        else:
            rescale(block, *rescaling([block.given], measured, own * its_unit))

    where = predicate(where)
    part = Part(
        "scale_by_trust_ratio",
        lambda count, updates: rule,
        where=where,
        reads_params=True,
        takes="gradients",
        of="leaves",
    )
    return link(part)


@factory
def lamb(
    learning_rate: LearningRate,
    *,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-6,
    weight_decay: float = 0.01,
    where: Where = everywhere,
) -> Optimizer:
    """LAMB: Adam with decay, of which each leaf takes a step of η times its own length. For very large batches.

        u = m̂ / (√v̂ + ε) + λ θ,    θ ← θ - η u ‖θ‖ / ‖u‖    leaf by leaf; without the ratio where θ or u is 0

    It is `chain(scale_by_adam(…), add_decayed_weights(weight_decay, where=where), scale_by_trust_ratio(),
    scale_by_learning_rate(…))`.

    Args:
        learning_rate: η ≥ 0, or a schedule of the count of updates.
        b1: the weight of the old mean of gradients, in [0, 1).
        b2: the weight of the old mean of squares, in [0, 1).
        eps: ε > 0, outside the root; see `scale_by_adam`.
        weight_decay: λ ≥ 0.
        where: `(path, leaf) -> bool`, the leaves that decay; see `add_decayed_weights`.

    Source: You et al. 2020, "Large batch optimization for deep learning: training BERT in 76 minutes", algorithm 2,
    with φ(z) = z as in optax.

    >>> import numpy as np
    >>> optimizer = lamb(0.1, weight_decay=0.0)
    >>> params, grads = (np.array([3.0, 4.0]),), (np.array([0.0, -7.0]),)
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (array([-0. ,  0.5]),)
    """
    return chain(
        scale_by_adam(b1=b1, b2=b2, eps=eps),
        add_decayed_weights(weight_decay, where=where),
        scale_by_trust_ratio(),
        scale_by_learning_rate(learning_rate),
    )
