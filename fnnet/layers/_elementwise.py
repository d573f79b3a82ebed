"""What activations share: the layer of a function on elements, and settings that are exact on exact arrays."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np

from fnnet.arguments import real
from fnnet.layers._params import no_params
from fnnet.layers.layer import unchecked
from fnnet.types import Array, Layer, Params, Pullback

Elementwise: TypeAlias = Callable[[Array], tuple[Array, Callable[[Array], Array]]]  # x -> (y, dy -> dx)
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805  # of selu: they keep mean 0 and variance 1


def elementwise(name: str, f: Elementwise, *, vanishes: bool = True) -> Layer:
    """The layer of a function on elements: no params, any shape.

    Args:
        name: of the layer.
        f: x -> (y, dy -> dx), which keeps shape, dtype and memory order.
        vanishes: whether a value or a derivative may round to 0, which is as it should be: no warning then.
    """
    value = _quiet(f) if vanishes else f

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        y, dx = value(x)

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            return (), dx(dy) if input_gradient else None

        return y, vjp

    return unchecked(no_params, apply, shape=lambda shape: shape, name=name)


def _quiet(f: Elementwise) -> Elementwise:
    """The same function, silent where it or its derivative vanishes."""

    def value(x: Array) -> tuple[Array, Callable[[Array], Array]]:
        with np.errstate(under="ignore"):
            y, derivative = f(x)

        def dx(dy: Array) -> Array:
            with np.errstate(under="ignore"):
                return derivative(dy)

        return y, dx

    return value


def setting(
    what: str, value: Any, low: float = -float("inf"), high: float = float("inf"), *, open: str = ""
) -> Callable[[Array], Any]:
    """A number as the arithmetic with an array needs it: a float, and among Fractions a Fraction.

    >>> half = setting("slope", 0.5)
    >>> half(np.ones(1)), half(np.array([Fraction(1, 3)]))
    (0.5, Fraction(1, 2))
    """
    number = real(what, value, low, high, open=open)
    exact = Fraction(value if isinstance(value, int | Fraction) else number)
    return lambda x: exact if x.dtype.kind == "O" else number
