"""What R3's code does beside what it says: each as a layer, or a rule, of its own, so that it can be measured."""

from typing import Any

import numpy as np

from fnnet import layers, rng, tree
from fnnet.layers.layer import OwnPullback
from fnnet.optim.engine import Block, Part, finish, link
from fnnet.types import Array, Layer, Optimizer, Params, Shape


def unmasked_relu() -> Layer:
    """A ReLU whose gradient passes everywhere: y = max(x, 0), dx = dy (R3 l.102, a mask that asks for y < 0).

    >>> y, vjp = unmasked_relu().apply((), np.array([[-1.0, 2.0]]))
    >>> y.tolist(), vjp(np.array([[3.0, 4.0]]))[1].tolist()
    ([[0.0, 2.0]], [[3.0, 4.0]])
    """

    def init(key: rng.Key, shape: Shape) -> Params:
        return ()

    def apply(params: Params, x: Array) -> tuple[Array, OwnPullback]:
        return np.maximum(x, 0), lambda dy: ((), dy)

    return layers.layer(init, apply)


def scaled_convolution(convolution: Layer, kernel: int) -> Layer:
    """A convolution of stride 1 with gradients divided by counts (R3 l.926–929).

    dw = dw* / (H W C),    db = db* / (H W C),    dx = dx* / k²,    with dw*, db*, dx* the true ones
    """

    def apply(params: Params, x: Array) -> tuple[Array, OwnPullback]:
        y, back = convolution.apply(params, x)

        def vjp(dy: Array) -> tuple[Params, Array | None]:
            grads, dx = back(dy)
            uses = x[0].size
            return tree.map(lambda g: g / uses, grads), dx / kernel**2

        return y, vjp

    return layers.layer(convolution.init, apply, shape=convolution.shape, name="conv2d")


def norm_penalty(rate: float) -> Optimizer:
    """The gradient of λ ‖θ‖ for every array of params, biases too: g ← g + λ θ / ‖θ‖ (R3 l.139–146, 409–410)."""

    def rule(block: Block) -> None:
        np.multiply(block.params, rate / np.linalg.norm(block.params), out=block.spare)
        np.add(block.given, block.spare, out=block.update)
        finish(block)

    part = Part("norm_penalty", lambda count, updates: rule, reads_params=True, takes="gradients", of="leaves")
    return link(part)


def forgetful_momentum(learning_rate: float, momentum: float) -> Optimizer:
    """θ ← θ − η g + μ (θ − θ_last), where θ_last is set to the new θ at once (R3 l.148–151): the term is always 0.

    >>> rule, params, grads = forgetful_momentum(0.5, 0.9), (np.ones(1),), (np.ones(1),)
    >>> state = rule.init(params)
    >>> for _ in range(3):
    ...     updates, state = rule.update(grads, state, params)
    ...     params = tree.map(np.add, params, updates)
    >>> params
    (array([-0.5]),)
    """

    def init(params: Params) -> Any:
        return params

    def update(grads: Params, state: Any, params: Params) -> tuple[Params, Any]:
        updates = tree.map(lambda g, p, last: momentum * (p - last) - learning_rate * g, grads, params, state)
        return updates, tree.map(np.add, params, updates)

    return Optimizer(init, update)
