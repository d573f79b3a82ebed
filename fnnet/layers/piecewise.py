"""Activations made of pieces, mostly straight: cheap stand-ins for smooth ones, and what sets small numbers to zero.

All keep the shape, dtype and memory order of x and have no params. At a kink the derivative is 0 where one of the sides
is flat, as in PyTorch and TensorFlow.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from fnnet.errors import ConfigError, expected
from fnnet.kernels.elementwise import clipped, magnitude
from fnnet.layers._elementwise import elementwise, setting
from fnnet.recipe import factory
from fnnet.types import Array, Layer


@factory
def hard_tanh(low: float = -1, high: float = 1) -> Layer:
    """x, cut off at both ends.

        y = min(max(x, low), high),    dx = dy · [low < x < high]

    Keeps the mask. NaN stays NaN.

    Args:
        low: the least value.
        high: the largest, above low.

    Raises:
        ConfigError: low is not below high.

    >>> hard_tanh().apply((), np.array([[-2.0, 0.5, 2.0]]))[0]
    array([[-1. ,  0.5,  1. ]])
    """
    return _between("hard_tanh", low, high)


@factory
def relu6() -> Layer:
    """The rectifier that ends at 6: few bits hold its values.

        y = min(max(x, 0), 6),    dx = dy · [0 < x < 6]

    Keeps the mask. Source: Krizhevsky 2010, "Convolutional deep belief networks on CIFAR-10", sec. 2.

    >>> relu6().apply((), np.array([[-2.0, 0.5, 8.0]]))[0]
    array([[0. , 0.5, 6. ]])
    """
    return _between("relu6", 0, 6)


@factory
def hard_sigmoid(slope: float = 1 / 6) -> Layer:
    """The sigmoid as a straight line that is cut off at 0 and 1.

        y = min(max(slope · x + ½, 0), 1),    dx = dy · slope · [0 < slope · x + ½ < 1]

    Keeps the mask. Source: Courbariaux et al. 2015, "BinaryConnect", eq. 3, with slope ½.

    Args:
        slope: above 0; 1/6 as in PyTorch and Keras 3, 0.2 in ONNX and Keras 2. A Fraction stays exact on Fractions.

    >>> hard_sigmoid().apply((), np.array([[-4.0, 0.0, 1.5, 3.0]]))[0]
    array([[0.  , 0.5 , 0.75, 1.  ]])
    """
    number = setting("slope", slope, 0, open="(")

    def f(x: Array) -> tuple[Array, Callable[[Array], Array]]:
        a = number(x)
        line = a * x + _half(x)
        inside = (line.real > 0) & (line.real < 1)
        return clipped(line, 0, 1), lambda dy: dy * inside * a

    return elementwise("hard_sigmoid", f)


@factory
def hard_swish() -> Layer:
    """silu with hard_sigmoid for its gate: a parabola between 0 and x.

        y = x g,  g = min(max(x/6 + ½, 0), 1);    dx = dy · (g + x/6 · [-3 < x < 3])

    Keeps x and g; the derivative is 0 at -3 and 1 at 3.
    Source: Howard et al. 2019, "Searching for MobileNetV3", sec. 5.2.

    >>> hard_swish().apply((), np.array([[-4.0, 0.0, 1.5, 5.0]]))[0]
    array([[-0.   ,  0.   ,  1.125,  5.   ]])
    """

    def f(x: Array) -> tuple[Array, Callable[[Array], Array]]:
        g = clipped(x / 6 + _half(x), 0, 1)

        def dx(dy: Array) -> Array:
            inside = (g.real > 0) & (g.real < 1)
            return dy * (g + x / 6 * inside)

        return x * g, dx

    return elementwise("hard_swish", f)


@factory
def hard_shrink(bound: float = 0.5) -> Layer:
    """Small numbers are set to 0.

        y = x where |x| > bound, 0 elsewhere;    dx = dy · [|x| > bound]

    Keeps the mask. The value jumps at ±bound. NaN stays NaN.

    Args:
        bound: at least 0; λ in the literature, `lambd` in PyTorch and ONNX. A Fraction stays exact on Fractions.

    Source: Donoho & Johnstone 1994, "Ideal spatial adaptation by wavelet shrinkage", sec. 1.

    >>> hard_shrink().apply((), np.array([[-1.0, 0.5, 0.75]]))[0]
    array([[-1.  ,  0.  ,  0.75]])
    """
    number = setting("bound", bound, 0)

    def f(x: Array) -> tuple[Array, Callable[[Array], Array]]:
        small = magnitude(x).real <= number(x)
        return np.where(small, 0, x), lambda dy: dy * ~small

    return elementwise("hard_shrink", f, vanishes=False)


@factory
def soft_shrink(bound: float = 0.5) -> Layer:
    """All numbers come nearer to 0, small ones all the way.

        y = x - min(max(x, -bound), bound),    dx = dy · [|x| > bound]

    Keeps the mask.

    Args:
        bound: at least 0; λ in the literature, `lambd` in PyTorch and ONNX. A Fraction stays exact on Fractions.

    Source: Donoho 1995, "De-noising by soft-thresholding", eq. 2.

    >>> soft_shrink().apply((), np.array([[-1.0, 0.5, 0.75]]))[0]
    array([[-0.5 ,  0.  ,  0.25]])
    """
    number = setting("bound", bound, 0)

    def f(x: Array) -> tuple[Array, Callable[[Array], Array]]:
        a = number(x)
        large = magnitude(x).real > a
        return x - clipped(x, -a, a), lambda dy: dy * large

    return elementwise("soft_shrink", f)


@factory
def threshold(at: float, value: float = 0) -> Layer:
    """What is not above a threshold is replaced.

        y = x where x > at, value elsewhere;    dx = dy · [x > at]

    Keeps the mask. The value jumps at the threshold unless `value` is `at`. NaN stays NaN.

    Args:
        at: any finite number.
        value: any finite number. Fractions stay exact on Fractions.

    >>> threshold(0.5, 9).apply((), np.array([[0.0, 0.5, 1.0]]))[0]
    array([[9., 9., 1.]])
    """
    edge, other = setting("at", at), setting("value", value)

    def f(x: Array) -> tuple[Array, Callable[[Array], Array]]:
        under = x.real <= edge(x)
        return np.where(under, other(x), x), lambda dy: dy * ~under

    return elementwise("threshold", f, vanishes=False)


def _between(name: str, low: float, high: float) -> Layer:
    least, most = setting("low", low), setting("high", high)

    def f(x: Array) -> tuple[Array, Callable[[Array], Array]]:
        a, b = least(x), most(x)
        inside = (x.real > a) & (x.real < b)
        return clipped(x, a, b), lambda dy: dy * inside

    if not low < high:
        raise ConfigError(expected("low", f"a number below high, {high}", low))
    return elementwise(name, f, vanishes=False)


def _half(x: Array) -> Any:
    """½ as what is added to x."""
    return Fraction(1, 2) if x.dtype.kind == "O" else 0.5
