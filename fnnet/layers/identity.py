"""`identity`: what comes goes."""

from fnnet.arrays import Arrays, Cotangent
from fnnet.layers._params import no_params
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Layer, Params, Pullback


@factory
def identity() -> Layer:
    """y = x, dx = dy: the neutral element of `serial`, and the usual shortcut of `residual`.

    x is anything, also whole numbers and tuples of arrays.

    >>> identity().shape((1, 28, 28))
    (1, 28, 28)
    """

    def apply(params: Params, x: Arrays) -> tuple[Arrays, Pullback]:
        def vjp(dy: Cotangent, input_gradient: bool = True) -> tuple[Params, Cotangent]:
            return (), dy

        return x, vjp

    return unchecked(no_params, apply, shape=lambda shape: shape, name="identity", takes="anything")
