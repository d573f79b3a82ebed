"""`recomputed`: a layer that is computed twice to spare memory."""

from typing import Any

from fnnet import rng
from fnnet.arrays import Cotangent
from fnnet.layers._children import seen_through
from fnnet.recipe import factory
from fnnet.types import InputGradient, Layer, Params, Pullback, check_net


@factory
def recomputed(layer: Layer) -> Layer:
    """The same layer, but of all it computes it keeps x alone, and computes the rest again for the vjp.

        y = f(x),    dparams, dx = the vjp of f at x, made anew

    So a stack of blocks keeps one array a block, for a third more time or so: forwards twice, back once. Name, params
    and keys are the layer's own, and the numbers are the same to the byte.

    Args:
        layer: any layer; the larger the part of a net, the less is kept, and the more at once while it is pulled back.

    Source: Chen, Xu, Zhang & Guestrin 2016, "Training deep nets with sublinear memory cost", sec. 4. PyTorch calls it
    checkpointing.

    >>> from fnnet import layers
    >>> block = recomputed(layers.serial(layers.dense(64), layers.relu(), layers.dense(64), layers.relu()))
    >>> layers.serial(block, block).shape((64,))
    (64,)
    """
    check_net(layer, "layer")
    return Layer(
        layer.name,
        layer._init,
        _apply(layer),
        layer._shape,
        None if layer._train is None else lambda key: _trained(layer, key),
        *seen_through(layer, recomputed),
    )


def _trained(layer: Layer, key: rng.Key) -> Layer:
    trained = layer.train(key)
    return Layer(trained.name, trained._init, _apply(trained), trained._shape)


def _apply(layer: Layer) -> Any:
    def apply(params: Params, x: Any) -> tuple[Any, Pullback]:
        y, _ = layer._apply(params, x)

        def vjp(dy: Cotangent, input_gradient: bool = True) -> tuple[Params, InputGradient]:
            _, pullback = layer._apply(params, x)
            return pullback(dy, input_gradient)

        return y, vjp

    return apply
