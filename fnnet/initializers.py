"""Initial weights: each factory returns `(key, shape) -> array`, float32.

Fans follow from the shape: dense weights are (in, out), convolution kernels (O, C, kH, kW).

| factory | distribution | source |
|---|---|---|
| `zeros` | 0 | |
| `constant(value)` | value | |
| `normal(std)` | N(0, std²) | |
| `truncated_normal(std)` | N(0, std²), cut at ±2 std | |
| `xavier_normal` | N(0, 2 / (in + out)) | Glorot & Bengio 2010, "Understanding the difficulty of training …" |
| `xavier_uniform` | U(-a, a), a = √(6 / (in + out)) | same, eq. 16 |
| `he_normal` | N(0, 2 / in) | He et al. 2015, "Delving deep into rectifiers", eq. 10 |
| `he_uniform` | U(-a, a), a = √(6 / in) | same variance |
| `lecun_normal` | N(0, 1 / in) | LeCun et al. 1998, "Efficient backprop", sec. 4.6 |
| `lecun_uniform` | U(-a, a), a = √(3 / in) | same variance |
| `variance_scaling` | variance scale / fan, of a shape and a fan to choose | all of the above are cases of it |
| `orthogonal(gain)` | gain times an orthonormal matrix, uniformly | Saxe, McClelland & Ganguli 2014, sec. 3 |

Normals are not truncated unless their name says so.
"""

import math
from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np

from fnnet import rng
from fnnet.arguments import one_of, real, shown
from fnnet.errors import ConfigError, ShapeError, expected
from fnnet.recipe import factory
from fnnet.tree import locked
from fnnet.types import Array, Shape

__all__ = [
    "Initializer",
    "constant",
    "fans",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "orthogonal",
    "truncated_normal",
    "variance_scaling",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]

Initializer: TypeAlias = Callable[[rng.Key, Shape], Array]


def fans(shape: Shape) -> tuple[int, int]:
    """How many inputs an output reads and how many outputs an input reaches.

    >>> fans((784, 10)), fans((16, 6, 5, 5))
    ((784, 10), (150, 400))
    """
    if len(shape) == 2:
        return shape[0], shape[1]
    if len(shape) in (3, 4, 5):
        return math.prod(shape[1:]), shape[0] * math.prod(shape[2:])
    raise ShapeError(
        expected("weight", "(in, out) or (O, C, kH, kW), which have fans", shown(shape), "use zeros or normal")
    )


@factory
def zeros() -> Initializer:
    """All zero: the usual start of a bias."""
    return lambda key, shape: np.zeros(shape, np.float32)


@factory
def constant(value: float) -> Initializer:
    """One number everywhere.

    >>> constant(0.5)(rng.key(0), (2,))
    array([0.5, 0.5], dtype=float32)
    """
    value = real("value", value, -_TOP, _TOP)
    return lambda key, shape: np.full(shape, value, np.float32)


@factory
def normal(std: float) -> Initializer:
    """N(0, std²), whatever the fans; R5 uses 0.01.

    >>> normal(0.01)(rng.key(0), (2, 3)).shape
    (2, 3)
    """
    std = real("std", std, 0)
    return lambda key, shape: _normal(key, shape, std**2)


@factory
def truncated_normal(std: float, *, bound: float = 2.0) -> Initializer:
    """N(0, std²) without its tails: numbers beyond `bound` deviations are drawn again.

    `std` is that of the normal before it is cut, as in PyTorch, JAX and Keras; with bound 2 the deviation of what is
    left is 0.8796 std, which `variance_scaling` makes up for.

    Args:
        std: ≥ 0.
        bound: the largest |w| / std, ≥ 1.

    >>> round(float(abs(truncated_normal(0.5)(rng.key(0), (1000,))).max()), 2)
    0.99
    """
    std, bound = real("std", std, 0), real("bound", bound, 1)
    return lambda key, shape: (_truncated(key, shape, bound) * std).astype(np.float32)


@factory
def xavier_normal() -> Initializer:
    """N(0, 2 / (fan in + fan out))."""
    return lambda key, shape: _normal(key, shape, 2 / sum(fans(shape)))


@factory
def xavier_uniform() -> Initializer:
    """U(-a, a) with a = √(6 / (fan in + fan out))."""
    return lambda key, shape: _uniform(key, shape, 2 / sum(fans(shape)))


@factory
def he_normal() -> Initializer:
    """N(0, 2 / fan in): the default everywhere."""
    return lambda key, shape: _normal(key, shape, 2 / fans(shape)[0])


@factory
def he_uniform() -> Initializer:
    """U(-a, a) with a = √(6 / fan in)."""
    return lambda key, shape: _uniform(key, shape, 2 / fans(shape)[0])


@factory
def lecun_normal() -> Initializer:
    """N(0, 1 / fan in): keeps the variance of linear and SELU nets."""
    return lambda key, shape: _normal(key, shape, 1 / fans(shape)[0])


@factory
def lecun_uniform() -> Initializer:
    """U(-a, a) with a = √(3 / fan in)."""
    return lambda key, shape: _uniform(key, shape, 1 / fans(shape)[0])


Mode: TypeAlias = Literal["fan_in", "fan_out", "fan_avg"]
Distribution: TypeAlias = Literal["normal", "truncated_normal", "uniform"]


@factory
def variance_scaling(
    scale: float = 1.0, mode: Mode = "fan_in", *, distribution: Distribution = "truncated_normal"
) -> Initializer:
    """Mean 0 and variance scale / fan, whatever the shape of the distribution.

        N(0, scale / fan),    U(-a, a) with a = √(3 scale / fan),    or N(0, s²) cut at ±2 s with s = √(scale / fan) / c

    where c = 0.87963 is the deviation of a standard normal cut at ±2. `he_normal()` is
    `variance_scaling(2.0, distribution="normal")`, `xavier_uniform()` is
    `variance_scaling(1.0, "fan_avg", distribution="uniform")`.

    Args:
        scale: > 0.
        mode: the fan that divides: "fan_in", "fan_out", or their mean, "fan_avg".
        distribution: "normal", "truncated_normal" or "uniform".

    Raises:
        ConfigError: an option is out of its range.
        ShapeError: from the initializer, for a shape without fans.

    Source: names, defaults and the correction c are those of Keras' `VarianceScaling` and JAX's `variance_scaling`.

    >>> round(float(variance_scaling(2.0, "fan_out")(rng.key(0), (300, 200)).var()), 4)
    0.01
    """
    scale = real("scale", scale, 0, open="(")
    for what, given, table in (("mode", mode, _FANS), ("distribution", distribution, _DISTRIBUTIONS)):
        if not isinstance(given, str) or given not in table:
            raise ConfigError(expected(what, one_of(table), shown(given)))
    fan, draw = _FANS[mode], _DISTRIBUTIONS[distribution]
    return lambda key, shape: draw(key, shape, scale / fan(*fans(shape)))


@factory
def orthogonal(gain: float = 1.0) -> Initializer:
    """A matrix with orthonormal rows or columns, whichever are fewer, times a gain.

        W Wᵀ = gain² I,    or    Wᵀ W = gain² I,    W of shape (first axis, all others)

    So a dense weight keeps lengths where it is square, and a kernel (O, C, kH, kW) is a matrix (O, C · kH · kW). All
    such matrices are equally likely: W is Q of the QR decomposition of a matrix of normals, each column times the sign
    of R's diagonal.

    Args:
        gain: ≥ 0; √2 in front of a ReLU.

    Raises:
        ShapeError: from the initializer, for fewer than two axes.

    Source: Saxe, McClelland & Ganguli 2014, "Exact solutions to the nonlinear dynamics of learning in deep linear
    neural networks", sec. 3; the signs: Mezzadri 2007, "How to generate random matrices from the classical compact
    groups", sec. 5. Flattened as in PyTorch.

    >>> weight = orthogonal()(rng.key(0), (3, 2))
    >>> np.allclose(weight.T @ weight, np.eye(2), atol=1e-6)
    True
    """
    gain = real("gain", gain, 0)

    def draw(key: rng.Key, shape: Shape) -> Array:
        if len(shape) < 2:
            raise ShapeError(expected("weight", "two axes or more, of which to make a matrix", shape, "use normal"))
        rows, columns = shape[0], math.prod(shape[1:])
        q, r = np.linalg.qr(rng.normal(key, (max(rows, columns), min(rows, columns)), np.float64))
        q *= np.where(np.diagonal(r) < 0, -gain, gain)
        return (q if rows >= columns else q.T).reshape(shape).astype(np.float32, order="C")

    return draw


_TOP = float(np.finfo(np.float32).max)


def _normal(key: rng.Key, shape: Shape, variance: float) -> Array:
    return locked(rng.normal(key, shape, deviation=math.sqrt(variance)))


def _uniform(key: rng.Key, shape: Shape, variance: float) -> Array:
    bound = math.sqrt(3 * variance)
    return locked(rng.uniform(key, shape, -bound, bound))


def _truncated(key: rng.Key, shape: Shape, bound: float) -> Array:
    """Standard normals in ±bound, float64: those outside are drawn again until none is left."""
    draws = rng.normal(key, shape, np.float64)
    again, n = rng.fold_in(key, "again"), 0
    while (outside := np.abs(draws) > bound).any():
        draws[outside] = rng.normal(rng.fold_in(again, n), (int(outside.sum()),), np.float64)
        n += 1
    return draws


_CUT_AT_2 = math.sqrt(1 - 4 * math.exp(-2) / math.sqrt(2 * math.pi) / math.erf(math.sqrt(2)))  # its deviation


def _cut_normal(key: rng.Key, shape: Shape, variance: float) -> Array:
    return locked((_truncated(key, shape, 2.0) * (math.sqrt(variance) / _CUT_AT_2)).astype(np.float32))


_FANS: dict[str, Callable[[int, int], float]] = {
    "fan_in": lambda fan_in, fan_out: fan_in,
    "fan_out": lambda fan_in, fan_out: fan_out,
    "fan_avg": lambda fan_in, fan_out: (fan_in + fan_out) / 2,
}
_DISTRIBUTIONS = {"normal": _normal, "truncated_normal": _cut_normal, "uniform": _uniform}
