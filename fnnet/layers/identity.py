"""`identity`: what comes goes."""

from fnnet import rng
from fnnet.layers.layer import layer
from fnnet.types import Array, Layer, Params, Pullback, Shape


def identity() -> Layer:
    """y = x, dx = dy: the neutral element of `serial`, and the usual shortcut of `residual`.

    >>> identity().shape((1, 28, 28))
    (1, 28, 28)
    """

    def init(key: rng.Key, shape: Shape) -> Params:
        return ()

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array]:
            return (), dy

        return x, vjp

    return layer(init, apply, shape=lambda shape: shape)
