"""Activations that act on every element alone: each is its value beside its derivative.

All keep the shape, dtype and memory order of x and have no params. At a kink the derivative is the one from the left:
relu′(0) = 0, leaky_relu′(0) = slope, elu′(0) = α.
"""

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from fnnet.arguments import real
from fnnet.kernels.elementwise import exponential_linear, logistic, positive_part
from fnnet.layers._params import no_params
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback

Elementwise: TypeAlias = Callable[[Array], tuple[Array, Callable[[Array], Array]]]  # x -> (y, dy -> dx)


@factory
def relu() -> Layer:
    """The rectifier.

        y = max(x, 0),    dx = dy · [x > 0]

    Keeps y. NaN stays NaN. Source: Nair & Hinton 2010, "Rectified linear units improve …".

    >>> relu().apply((), np.array([[-1.0, 0.0, 2.0]]))[0]
    array([[0., 0., 2.]])
    """

    def f(x: Array) -> tuple[Array, Callable[[Array], Array]]:
        y = positive_part(x)
        return y, lambda dy: dy * (y.real > 0)

    return _elementwise("relu", f)


@factory
def leaky_relu(slope: float = 0.01) -> Layer:
    """The rectifier that leaks.

        y = x where x > 0, slope · x elsewhere;    dx likewise from dy

    Keeps the mask. Source: Maas et al. 2013, "Rectifier nonlinearities improve neural network acoustic models".

    Args:
        slope: of the negative side, any finite number; a Fraction stays exact on arrays of Fractions.

    >>> leaky_relu(0.5).apply((), np.array([[-1.0, 0.0, 2.0]]))[0]
    array([[-0.5,  0. ,  2. ]])
    """
    number = real("slope", slope)

    def f(x: Array) -> tuple[Array, Callable[[Array], Array]]:
        a = slope if x.dtype.kind == "O" else number
        positive = x.real > 0

        def leak(v: Array) -> Array:
            kept = v * positive  # np.where takes three times as long as these four passes
            return kept + a * (v - kept)

        if x.dtype.kind == "c":
            return leak(x), leak
        return (np.maximum if a <= 1 else np.minimum)(x, a * x), leak

    return _elementwise("leaky_relu", f)


@factory
def sigmoid() -> Layer:
    """The logistic function.

        y = 1 / (1 + e⁻ˣ),    dx = dy · y (1 - y)

    Keeps y. The value is right to a few ulp down to the smallest normal number; the derivative to an ulp of 1.

    >>> sigmoid().apply((), np.array([[-1e4, 0.0, 1e4]]))[0]
    array([[0. , 0.5, 1. ]])
    """

    def f(x: Array) -> tuple[Array, Callable[[Array], Array]]:
        y = logistic(x)

        def dx(dy: Array) -> Array:
            d = 1 - y
            d *= y
            d *= dy
            return d

        return y, dx

    return _elementwise("sigmoid", f)


@factory
def tanh() -> Layer:
    """The hyperbolic tangent.

        y = tanh x,    dx = dy · (1 - y²)

    Keeps y.

    >>> tanh().apply((), np.array([[-1e4, 0.0, 1e4]]))[0]
    array([[-1.,  0.,  1.]])
    """

    def f(x: Array) -> tuple[Array, Callable[[Array], Array]]:
        y = np.tanh(x)
        return y, lambda dy: dy * (1 - y * y)

    return _elementwise("tanh", f)


@factory
def elu(alpha: float = 1.0) -> Layer:
    """The exponential linear unit.

        y = x where x > 0, α (eˣ - 1) elsewhere;    dx = dy · (1 where x > 0, y + α elsewhere)

    Keeps y. Source: Clevert et al. 2016, "Fast and accurate deep network learning by exponential linear units", eq. 15.

    Args:
        alpha: minus the value at -∞, at least 0.

    >>> elu().apply((), np.array([[-1e4, 0.0, 2.0]]))[0]
    array([[-1.,  0.,  2.]])
    """
    return _elementwise("elu", _exponential_linear(real("alpha", alpha, 0), 1.0))


@factory
def selu() -> Layer:
    """The self-normalising unit: λ · elu(α) with the λ, α that keep mean 0 and variance 1.

        y = λx where x > 0, λα (eˣ - 1) elsewhere;    dx = dy · (λ where x > 0, y + λα elsewhere)

    Keeps y. Source: Klambauer et al. 2017, "Self-normalizing neural networks", eq. 2 and 14. Use with `lecun_normal`.

    >>> selu().apply((), np.array([[-1e4, 0.0, 1.0]]))[0].round(4)
    array([[-1.7581,  0.    ,  1.0507]])
    """
    return _elementwise("selu", _exponential_linear(1.6732632423543772, 1.0507009873554805))


@factory
def gelu() -> Layer:
    """The Gaussian error linear unit in its tanh form (NumPy has no erf; it differs from x Φ(x) by less than 5e-4).

        y = x s,  s = 1 / (1 + e⁻²ᵘ),  u = √(2/π) (x + 0.044715 x³);    dx = dy · (s + 2 x s (1 - s) u′)

    which is ½x (1 + tanh u) without its cancellation for x < 0. Keeps x and s.
    Source: Hendrycks & Gimpel 2016, "Gaussian error linear units", sec. 2. PyTorch: `gelu(approximate="tanh")`.

    >>> gelu().apply((), np.array([[-1e4, 0.0, 1.0]]))[0].round(4)
    array([[-0.    ,  0.    ,  0.8412]])
    """
    c, cubic = 2 * math.sqrt(2 / math.pi), 0.044715

    def f(x: Array) -> tuple[Array, Callable[[Array], Array]]:
        s = logistic(c * x * (1 + cubic * x * x))
        return x * s, lambda dy: dy * (s + x * s * (1 - s) * (c + 3 * c * cubic * x * x))

    return _elementwise("gelu", f)


@factory
def silu() -> Layer:
    """The sigmoid linear unit, also called swish.

        y = x s,  s = 1 / (1 + e⁻ˣ);    dx = dy · s (1 + x (1 - s))

    Keeps x and s. Source: Hendrycks & Gimpel 2016, "Gaussian error linear units", sec. 4.

    >>> silu().apply((), np.array([[-1e4, 0.0, 1e4]]))[0]
    array([[   -0.,     0., 10000.]])
    """

    def f(x: Array) -> tuple[Array, Callable[[Array], Array]]:
        s = logistic(x)
        return x * s, lambda dy: dy * (s * (1 + x * (1 - s)))

    return _elementwise("silu", f)


@factory
def softplus() -> Layer:
    """The smooth rectifier.

        y = log(1 + eˣ) = max(x, 0) + log(1 + e^-|x|),    dx = dy · (1 - e⁻ʸ)

    Keeps y; 1 - e⁻ʸ is the logistic function of x. Source: Dugas et al. 2000, "Incorporating second-order …".

    >>> softplus().apply((), np.array([[-1e4, 0.0, 2.0]]))[0].round(4)
    array([[0.    , 0.6931, 2.1269]])
    """

    def f(x: Array) -> tuple[Array, Callable[[Array], Array]]:
        below = np.where(x.real > 0, -x, x) if x.dtype.kind == "c" else -np.abs(x)
        y = np.log1p(np.exp(below)) + positive_part(x)
        return y, lambda dy: dy * -np.expm1(-y)

    return _elementwise("softplus", f)


def _elementwise(name: str, f: Elementwise) -> Layer:
    """The layer of a function on elements: no params, any shape."""

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        y, dx = f(x)

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            return (), dx(dy) if input_gradient else None

        return y, vjp

    return unchecked(no_params, apply, shape=lambda shape: shape, name=name)


def _exponential_linear(alpha: float, scale: float) -> Elementwise:
    below = scale * alpha  # minus the value at -∞

    def f(x: Array) -> tuple[Array, Callable[[Array], Array]]:
        y = exponential_linear(x, scale, below)
        return y, lambda dy: dy * np.where(y.real > 0, scale, y + below)

    return f
