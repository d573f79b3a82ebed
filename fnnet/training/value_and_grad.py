"""`value_and_grad`: the loss of a net on a batch, and its gradient by the params."""

from functools import partial
from typing import Protocol

from fnnet.arrays import Arrays
from fnnet.losses import Loss
from fnnet.recipe import factory
from fnnet.training.ends import check_end
from fnnet.training.reduction import cotangent_of, loss_of
from fnnet.types import Array, Layer, Params, Target, check_loss, check_net


class Gradient(Protocol):
    """A loss and its gradient, as `value_and_grad` and `micro_batches` give it."""

    def __call__(
        self, params: Params, x: Arrays, target: Target, weight: Array | None = None
    ) -> tuple[float, Params, Arrays]:
        """`(value, dparams, predictions)` of a batch."""


@factory
def value_and_grad(net: Layer, loss: Loss) -> Gradient:
    """The function `f(params, x, target, weight=None) -> (value, dparams, predictions)`.

        value = loss(net(x), target),    dparams = J_netᵀ J_lossᵀ 1

    No gradient by x is asked for. `dparams` has the structure of params: marked leaves hold successors, see
    `fnnet.types.Pullback`.

    Args:
        net: as it is to be differentiated, for a training step `net.train(key)`.
        loss: `(predictions, target) -> (value, vjp)`, see `fnnet.losses`.

    Raises:
        ConfigError: the net ends with a layer that the loss contains.

    >>> import numpy as np
    >>> from fnnet import layers, losses, rng
    >>> net = layers.dense(1, bias=False)
    >>> params = net.init(rng.key(0), (1,))._replace(weight=np.float32([[3]]))
    >>> value_and_grad(net, losses.squared_error)(params, np.float32([[2]]), np.float32([[5]]))
    (0.5, Dense(weight=array([[2.]], dtype=float32)), array([[6.]], dtype=float32))
    """
    check_net(net)
    check_end(net, check_loss(loss))
    return partial(pulled_back, net, loss)


def pulled_back(
    net: Layer, loss: Loss, params: Params, x: Arrays, target: Target, weight: Array | None = None
) -> tuple[float, Params, Arrays]:
    """`(value, dparams, predictions)`: the loss, its gradient, and what the net made of x."""
    predictions, pullback = net.apply(params, x)
    value, loss_pullback = loss_of(loss, predictions, target, weight)
    dparams, _ = pullback(cotangent_of(loss, loss_pullback, predictions), input_gradient=False)
    return value, dparams, predictions
