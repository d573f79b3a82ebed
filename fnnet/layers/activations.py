"""Activations that act on every element alone: each is its value beside its derivative.

All keep the shape, dtype and memory order of x and have no params. At a kink the derivative is the one from the left:
relu′(0) = 0, leaky_relu′(0) = slope, elu′(0) = α. Those made of straight pieces are in `piecewise`.
"""

import math
from collections.abc import Callable

import numpy as np

from fnnet.arguments import one_of, real, shown
from fnnet.errors import ConfigError, expected
from fnnet.kernels.elementwise import (
    exponential_linear,
    logistic,
    magnitude,
    positive_part,
    smooth_positive_part,
    squashed_positive_part,
)
from fnnet.kernels.normal import normal_gate
from fnnet.layers._elementwise import SELU_ALPHA, SELU_SCALE, Elementwise, elementwise, setting
from fnnet.recipe import factory
from fnnet.types import Array, Layer


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

    return elementwise("relu", f, vanishes=False)


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
    number = setting("slope", slope)

    def f(x: Array) -> tuple[Array, Callable[[Array], Array]]:
        a = number(x)
        positive = x.real > 0

        def leak(v: Array) -> Array:
            kept = v * positive  # np.where takes three times as long as these four passes
            return kept + a * (v - kept)

        if x.dtype.kind == "c":
            return leak(x), leak
        return (np.maximum if a <= 1 else np.minimum)(x, a * x), leak

    return elementwise("leaky_relu", f)


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

    return elementwise("sigmoid", f)


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

    return elementwise("tanh", f)


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
    return elementwise("elu", _exponential_linear(real("alpha", alpha, 0), 1.0))


@factory
def selu() -> Layer:
    """The self-normalising unit: λ · elu(α) with the λ, α that keep mean 0 and variance 1.

        y = λx where x > 0, λα (eˣ - 1) elsewhere;    dx = dy · (λ where x > 0, y + λα elsewhere)

    Keeps y. Source: Klambauer et al. 2017, "Self-normalizing neural networks", eq. 2 and 14. Use with `lecun_normal`.

    >>> selu().apply((), np.array([[-1e4, 0.0, 1.0]]))[0].round(4)
    array([[-1.7581,  0.    ,  1.0507]])
    """
    return elementwise("selu", _exponential_linear(SELU_ALPHA, SELU_SCALE))


@factory
def celu(alpha: float = 1.0) -> Layer:
    """The exponential linear unit that has no kink, whatever α.

        y = x where x > 0, α (e^{x/α} - 1) elsewhere;    dx = dy · (1 where x > 0, y / α + 1 elsewhere)

    Keeps y. Source: Barron 2017, "Continuously differentiable exponential linear units", eq. 2.

    Args:
        alpha: minus the value at -∞, above 0.

    >>> celu(2.0).apply((), np.array([[-1e4, 0.0, 3.0]]))[0]
    array([[-2.,  0.,  3.]])
    """
    alpha = real("alpha", alpha, 0, open="(")

    def f(x: Array) -> tuple[Array, Callable[[Array], Array]]:
        y = exponential_linear(x, 1.0, alpha, alpha)
        return y, lambda dy: dy * np.where(y.real > 0, 1.0, y / alpha + 1)

    return elementwise("celu", f)


@factory
def gelu(*, approximate: str = "none") -> Layer:
    """The Gaussian error linear unit: x times the chance that a standard normal number lies below x.

        none:  y = x Φ(x),  Φ(x) = ½ (1 + erf(x/√2));    dx = dy · (Φ(x) + x e^{-x²/2} / √(2π))
        tanh:  y = x s,  s = 1 / (1 + e⁻²ᵘ),  u = √(2/π) (x + 0.044715 x³);    dx = dy · (s + 2 x s (1 - s) u′)

    Φ is right to 4 ulp in its tails too, see `fnnet.kernels.normal`. The tanh form is ½x (1 + tanh u) without its
    cancellation for x < 0; it differs from the exact one by less than 5e-4. Keeps the derivative, or x and s.

    Args:
        approximate: "none" or "tanh", the words of PyTorch and ONNX, where "none" is the default too.

    Source: Hendrycks & Gimpel 2016, "Gaussian error linear units", sec. 2.

    >>> x = np.array([[-1e4, 0.0, 1.0]])
    >>> gelu().apply((), x)[0].round(4), gelu(approximate="tanh").apply((), x)[0].round(4)
    (array([[-0.    ,  0.    ,  0.8413]]), array([[-0.    ,  0.    ,  0.8412]]))
    """
    forms = {"none": _gelu, "tanh": _gelu_tanh}
    if not isinstance(approximate, str) or approximate not in forms:
        raise ConfigError(expected("approximate", one_of(forms), shown(approximate)))
    return elementwise("gelu", forms[approximate])


def _gelu(x: Array) -> tuple[Array, Callable[[Array], Array]]:
    y, slope = normal_gate(x)
    return y, lambda dy: dy * slope


def _gelu_tanh(x: Array) -> tuple[Array, Callable[[Array], Array]]:
    c, cubic = 2 * math.sqrt(2 / math.pi), 0.044715
    s = logistic(c * x * (1 + cubic * x * x))
    return x * s, lambda dy: dy * (s + x * s * (1 - s) * (c + 3 * c * cubic * x * x))


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

    return elementwise("silu", f)


@factory
def mish() -> Layer:
    """A smooth unit like silu, with a self-gate of softplus.

        y = x s,  s = tanh(log(1 + eˣ)) = w / (w + 2),  w = eˣ (eˣ + 2);    dx = dy · (s + 4 x eˣ (eˣ + 1) / (w + 2)²)

    Keeps x, s and eˣ. Source: Misra 2020, "Mish: a self regularized non-monotonic activation function", eq. 1.

    >>> mish().apply((), np.array([[-1e4, 0.0, 1.0]]))[0].round(4)
    array([[-0.    ,  0.    ,  0.8651]])
    """

    def f(x: Array) -> tuple[Array, Callable[[Array], Array]]:
        s, e = squashed_positive_part(x)

        def dx(dy: Array) -> Array:
            below = e * (e + 2) + 2
            return dy * (s + 4 * x * (e / below) * ((e + 1) / below))

        return x * s, dx

    return elementwise("mish", f)


@factory
def softplus() -> Layer:
    """The smooth rectifier.

        y = log(1 + eˣ) = max(x, 0) + log(1 + e^-|x|),    dx = dy · (1 - e⁻ʸ)

    Keeps y; 1 - e⁻ʸ is the logistic function of x. Source: Dugas et al. 2000, "Incorporating second-order …".

    >>> softplus().apply((), np.array([[-1e4, 0.0, 2.0]]))[0].round(4)
    array([[0.    , 0.6931, 2.1269]])
    """

    def f(x: Array) -> tuple[Array, Callable[[Array], Array]]:
        y = smooth_positive_part(x)
        return y, lambda dy: dy * -np.expm1(-y)

    return elementwise("softplus", f)


@factory
def log_sigmoid() -> Layer:
    """The logarithm of the logistic function.

        y = -log(1 + e⁻ˣ),    dx = dy · (1 - eʸ)

    Keeps y; nothing overflows, and no small probability becomes 0 before its logarithm is taken.

    >>> log_sigmoid().apply((), np.array([[-1e4, 0.0, 1e4]]))[0].round(4)
    array([[-1.000e+04, -6.931e-01, -0.000e+00]])
    """

    def f(x: Array) -> tuple[Array, Callable[[Array], Array]]:
        y = -smooth_positive_part(-x)
        return y, lambda dy: dy * -np.expm1(y)

    return elementwise("log_sigmoid", f)


@factory
def softsign() -> Layer:
    """A squashing without exponentials, which nears its ends slowly.

        y = x / (1 + |x|),    dx = dy / (1 + |x|)²

    Keeps 1 + |x|. Source: Bergstra et al. 2009, "Quadratic polynomials learn better image features", sec. 2.

    >>> softsign().apply((), np.array([[-3.0, 0.0, 1.0]]))[0]
    array([[-0.75,  0.  ,  0.5 ]])
    """

    def f(x: Array) -> tuple[Array, Callable[[Array], Array]]:
        size = 1 + magnitude(x)
        return x / size, lambda dy: dy / size / size

    return elementwise("softsign", f)


@factory
def tanh_shrink() -> Layer:
    """What tanh takes away.

        y = x - tanh x,    dx = dy · tanh²x

    Keeps tanh x. Near 0, where y is about x³/3, it is right to an ulp of x, not of y, as in PyTorch.

    >>> tanh_shrink().apply((), np.array([[-10.0, 0.0, 1.0]]))[0].round(4)
    array([[-9.    ,  0.    ,  0.2384]])
    """

    def f(x: Array) -> tuple[Array, Callable[[Array], Array]]:
        t = np.tanh(x)
        return x - t, lambda dy: dy * (t * t)

    return elementwise("tanh_shrink", f)


def _exponential_linear(alpha: float, scale: float) -> Elementwise:
    below = scale * alpha  # minus the value at -∞

    def f(x: Array) -> tuple[Array, Callable[[Array], Array]]:
        y = exponential_linear(x, scale, below)
        return y, lambda dy: dy * np.where(y.real > 0, scale, y + below)

    return f
