"""`nadam`: Adam that looks ahead, as Nesterov's momentum does."""

from fnnet.optim.adam import scale_by_adam
from fnnet.optim.chain import chain
from fnnet.optim.learning_rate import scale_by_learning_rate
from fnnet.optim.schedules import LearningRate
from fnnet.recipe import factory
from fnnet.types import Optimizer


@factory
def nadam(
    learning_rate: LearningRate,
    *,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    momentum_decay: float | None = None,
) -> Optimizer:
    """NAdam, `chain(scale_by_adam(…, nesterov=True), scale_by_learning_rate(learning_rate))`.

        θ ← θ - η (b₁ m / (1 - b₁ᵗ⁺¹) + (1 - b₁) g / (1 - b₁ᵗ)) / (√v̂ + ε)

    with m and v̂ as in `scale_by_adam`.

    Args:
        learning_rate: η ≥ 0, or a schedule of the count of updates.
        b1: the weight of the old mean of gradients, in [0, 1).
        b2: the weight of the old mean of squares, in [0, 1).
        eps: ε > 0, outside the root.
        momentum_decay: ψ > 0, how fast the weight that looks ahead rises to b₁, as b₁ (1 - ½ · 0.96^(t ψ)); see
            `scale_by_adam`. None for b₁ at all steps.

    Source: Dozat 2016, "Incorporating Nesterov momentum into Adam", algorithm 2, with one b₁ for all steps as in optax;
    `momentum_decay=0.004` is the paper's schedule, and PyTorch's default.

    >>> import numpy as np
    >>> optimizer = nadam(0.001, b1=0.5)
    >>> params, grads = (np.zeros(2),), (np.array([4.0, -0.01]),)
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (array([-0.00133333,  0.00133333]),)
    """
    ahead = scale_by_adam(b1=b1, b2=b2, eps=eps, nesterov=True, momentum_decay=momentum_decay)
    return chain(ahead, scale_by_learning_rate(learning_rate))
