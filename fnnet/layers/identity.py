"""`identity`: what comes goes."""

from fnnet.layers._params import no_params
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback


@factory
def identity() -> Layer:
    """y = x, dx = dy: the neutral element of `serial`, and the usual shortcut of `residual`.

    >>> identity().shape((1, 28, 28))
    (1, 28, 28)
    """

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array]:
            return (), dy

        return x, vjp

    return unchecked(no_params, apply, shape=lambda shape: shape, name="identity")
