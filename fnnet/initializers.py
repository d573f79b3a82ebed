"""Initial weights: each factory returns `(key, shape) -> array`, float32.

Fans follow from the shape: dense weights are (in, out), convolution kernels (O, C, kH, kW).

| factory | distribution | source |
|---|---|---|
| `zeros` | 0 | |
| `normal(std)` | N(0, std²) | |
| `xavier_normal` | N(0, 2 / (in + out)) | Glorot & Bengio 2010, "Understanding the difficulty of training …" |
| `xavier_uniform` | U(-a, a), a = √(6 / (in + out)) | same, eq. 16 |
| `he_normal` | N(0, 2 / in) | He et al. 2015, "Delving deep into rectifiers", eq. 10 |
| `he_uniform` | U(-a, a), a = √(6 / in) | same variance |
| `lecun_normal` | N(0, 1 / in) | LeCun et al. 1998, "Efficient backprop", sec. 4.6 |
| `lecun_uniform` | U(-a, a), a = √(3 / in) | same variance |

Normals are not truncated.
"""

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from fnnet import rng
from fnnet.arguments import real
from fnnet.errors import ShapeError, expected
from fnnet.recipe import factory
from fnnet.types import Array, Shape

__all__ = [
    "Initializer",
    "fans",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
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
    if len(shape) == 4:
        return math.prod(shape[1:]), shape[0] * math.prod(shape[2:])
    raise ShapeError(expected("weight", "(in, out) or (O, C, kH, kW), which have fans", shape, "use zeros or normal"))


@factory
def zeros() -> Initializer:
    """All zero: the usual start of a bias."""
    return lambda key, shape: np.zeros(shape, np.float32)


@factory
def normal(std: float) -> Initializer:
    """N(0, std²), whatever the fans; R5 uses 0.01.

    >>> normal(0.01)(rng.key(0), (2, 3)).shape
    (2, 3)
    """
    std = real("std", std, 0)
    return lambda key, shape: _normal(key, shape, std**2)


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


def _normal(key: rng.Key, shape: Shape, variance: float) -> Array:
    return (rng.normal(key, shape, np.float64) * math.sqrt(variance)).astype(np.float32)


def _uniform(key: rng.Key, shape: Shape, variance: float) -> Array:
    bound = math.sqrt(3 * variance)
    return rng.uniform(key, shape, -bound, bound)
