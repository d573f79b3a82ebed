"""Activations and their derivatives by the textbook, in long double; math.erf-free, no shared code."""

import numpy as np

LONG = np.longdouble


def logistic(x):
    x = np.asarray(x, LONG)
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


def gelu(x):
    u = np.sqrt(2 / LONG(np.pi)) * (x + LONG("0.044715") * x**3)
    return x * logistic(2 * u)


def gelu_slope(x):
    root = np.sqrt(2 / LONG(np.pi))
    u = root * (x + LONG("0.044715") * x**3)
    s = logistic(2 * u)
    return s + x * 2 * s * logistic(-2 * u) * root * (1 + 3 * LONG("0.044715") * x**2)


def share(x):
    """Φ: about 0 by its series, which has positive terms only; in the tail below by its continued fraction.

    Source: Abramowitz & Stegun 1964, 26.2.11 and 26.2.14.
    """
    x = np.asarray(x, LONG)
    near = np.clip(x, -2, 40)
    term = total = near
    for k in range(1, 1200):
        term = term * near**2 / (2 * k + 1)
        total = total + term
    below = np.maximum(-x, 2)
    fraction = below
    for k in range(300, 0, -1):
        fraction = below + k / fraction
    return np.where(x < -2, density(x) / fraction, 0.5 + density(near) * total)


def density(x):
    return np.exp(-(np.asarray(x, LONG) ** 2) / 2) / np.sqrt(2 * LONG(np.pi) + LONG("1.2246467991473531772e-16") * 2)


def mish_gate(x):
    """tanh(log(1 + eˣ)) and its derivative, for x of any size."""
    s = np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)
    return np.where(x < -30, s, np.tanh(s)), logistic(x) / np.cosh(np.minimum(s, 5000)) ** 2


SELU_ALPHA = LONG("1.6732632423543772848170429916717")
SELU_SCALE = LONG("1.0507009873554804934193349852946")


def negative(x):
    return np.minimum(x, 0)


# name -> value and derivative, functions of long doubles
FORMULAS = {
    "relu": (lambda x: np.where(x > 0, x, 0), lambda x: np.where(x > 0, LONG(1), 0)),
    "leaky_relu": (lambda x: np.where(x > 0, x, LONG(0.01) * x), lambda x: np.where(x > 0, LONG(1), LONG(0.01))),
    "sigmoid": (logistic, lambda x: logistic(x) * logistic(-x)),
    "tanh": (np.tanh, lambda x: 1 / np.cosh(np.clip(x, -5000, 5000)) ** 2),
    "elu": (
        lambda x: np.where(x > 0, x, np.expm1(negative(x))),
        lambda x: np.where(x > 0, LONG(1), np.exp(negative(x))),
    ),
    "selu": (
        lambda x: SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * np.expm1(negative(x))),
        lambda x: SELU_SCALE * np.where(x > 0, LONG(1), SELU_ALPHA * np.exp(negative(x))),
    ),
    "celu": (
        lambda x: np.where(x > 0, x, np.expm1(negative(x))),
        lambda x: np.where(x > 0, LONG(1), np.exp(negative(x))),
    ),
    "gelu": (lambda x: x * share(x), lambda x: share(x) + x * density(x)),
    "gelu tanh": (gelu, gelu_slope),
    "mish": (lambda x: x * mish_gate(x)[0], lambda x: mish_gate(x)[0] + x * mish_gate(x)[1]),
    "log_sigmoid": (lambda x: np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x))), lambda x: logistic(-x)),
    "softsign": (lambda x: x / (1 + np.abs(x)), lambda x: 1 / (1 + np.abs(x)) ** 2),
    "tanh_shrink": (lambda x: x - np.tanh(x), lambda x: np.tanh(x) ** 2),
    "silu": (lambda x: x * logistic(x), lambda x: logistic(x) * (1 + x * logistic(-x))),
    "softplus": (lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), logistic),
}


def softmax(x):
    e = np.exp(np.asarray(x, LONG) - np.max(x, axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def log_softmax(x):
    z = np.asarray(x, LONG) - np.max(x, axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
