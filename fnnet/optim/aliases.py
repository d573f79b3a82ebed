"""The optimizers by their usual names, each a chain of the parts it is made of."""

from fnnet.arguments import real
from fnnet.errors import ConfigError, expected
from fnnet.optim.chain import chain
from fnnet.optim.decay import add_decayed_weights
from fnnet.optim.part import Where
from fnnet.optim.scale import scale_by_learning_rate
from fnnet.optim.scale_by_adagrad import scale_by_adagrad
from fnnet.optim.scale_by_adam import scale_by_adam
from fnnet.optim.scale_by_rms import scale_by_rms
from fnnet.optim.schedules import LearningRate
from fnnet.optim.trace import trace
from fnnet.optim.where import everywhere
from fnnet.types import Optimizer


def sgd(learning_rate: LearningRate, momentum: float = 0.0, nesterov: bool = False) -> Optimizer:
    """Stochastic gradient descent, `chain(trace(momentum, nesterov), scale_by_learning_rate(learning_rate))`.

        v ← μ v + g,    θ ← θ - η v,    with `nesterov`: θ ← θ - η (g + μ v)

    Without momentum there is no velocity, neither computed nor kept: θ ← θ - η g.

    Args:
        learning_rate: η ≥ 0, or a schedule of the count of updates.
        momentum: μ in [0, 1); see `trace` for the convention.
        nesterov: look ahead along the velocity; needs momentum.

    >>> import numpy as np
    >>> optimizer = sgd(0.1)
    >>> params, grads = (np.zeros(2),), (np.array([1.0, -2.0]),)
    >>> optimizer.update(grads, optimizer.init(params), params)[0]
    (array([-0.1,  0.2]),)
    """
    if real("momentum", momentum, 0, 1, open=")") == 0.0:
        if nesterov:
            raise ConfigError(expected("nesterov", "a momentum above 0 to look ahead along", f"momentum {momentum}"))
        return scale_by_learning_rate(learning_rate)
    return chain(trace(momentum, nesterov), scale_by_learning_rate(learning_rate))


def adam(learning_rate: LearningRate, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Optimizer:
    """Adam, `chain(scale_by_adam(b1, b2, eps), scale_by_learning_rate(learning_rate))`.

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
    return chain(scale_by_adam(b1, b2, eps), scale_by_learning_rate(learning_rate))


def adamw(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.01,
    where: Where = everywhere,
) -> Optimizer:
    """Adam with decoupled decay.

        θ ← θ - η (m̂ / (√v̂ + ε) + λ θ)

    It is `chain(scale_by_adam(b1, b2, eps), add_decayed_weights(weight_decay, where),
    scale_by_learning_rate(learning_rate))`. The decay follows the learning rate, as in PyTorch and optax; in the paper
    it follows the schedule only, so that its λ is η λ here.

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
        scale_by_adam(b1, b2, eps),
        add_decayed_weights(weight_decay, where),
        scale_by_learning_rate(learning_rate),
    )


def rmsprop(learning_rate: LearningRate, decay: float = 0.99, eps: float = 1e-8, momentum: float = 0.0) -> Optimizer:
    """RMSProp, `chain(scale_by_rms(decay, eps), scale_by_learning_rate(learning_rate))`.

        v ← ρ v + (1 - ρ) g²,    θ ← θ - η g / (√v + ε)

    With momentum, `trace(momentum)` stands between the two, as in PyTorch.

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
        return chain(scale_by_rms(decay, eps), scale_by_learning_rate(learning_rate))
    return chain(scale_by_rms(decay, eps), trace(momentum), scale_by_learning_rate(learning_rate))


def adagrad(learning_rate: LearningRate, eps: float = 1e-10, start: float = 0.0) -> Optimizer:
    """Adagrad, `chain(scale_by_adagrad(eps, start), scale_by_learning_rate(learning_rate))`.

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
    return chain(scale_by_adagrad(eps, start), scale_by_learning_rate(learning_rate))
