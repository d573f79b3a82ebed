"""Targets for the losses that are explained: small, distinct, and of the kind that a loss wants."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from fnnet import rng
from fnnet.arrays import Arrays, is_tuple
from fnnet.testing.case import whole_numbers
from fnnet.types import Array, Shape

Draw: TypeAlias = Callable[[rng.Key, int, Shape], Array]  # (key, N, the shape of a prediction) -> targets


def targets(kinds: str, key: rng.Key, n: int, shape: Any) -> Arrays:
    """Targets of n examples whose predictions have this shape.

    Args:
        kinds: a name of `KINDS`, or several with + between, one for each of the first parts of the predictions.
        key: they are drawn from it.
        n: examples.
        shape: of a prediction, or of its parts.

    >>> targets("classes", rng.key(0), 2, (3,)).shape
    (2,)
    >>> [target.shape for target in targets("classes + numbers", rng.key(0), 2, ((3,), (4,)))]
    [(2,), (2, 4)]
    """
    names = kinds.split(" + ")
    shapes = shape if is_tuple(shape) else (shape,)
    found = tuple(
        KINDS[name](rng.fold_in(key, i) if i else key, n, own)
        for i, (name, own) in enumerate(zip(names, shapes, strict=False))
    )
    return found if len(found) > 1 else found[0]


def _numbers(key: rng.Key, n: int, shape: Shape) -> Array:
    return whole_numbers(key, (n, *shape))


def _counts(key: rng.Key, n: int, shape: Shape) -> Array:
    return np.abs(whole_numbers(key, (n, *shape)))


def _answers(key: rng.Key, n: int, shape: Shape) -> Array:
    return (whole_numbers(key, (n, *shape)) > 0).astype(np.float64)


def _classes(key: rng.Key, n: int, shape: Shape) -> Array:
    """One for each example, or for each of its places: classes are the first axis."""
    return _of_classes(key, (n, *shape[1:]), shape[0])


def _classes_of_steps(key: rng.Key, n: int, shape: Shape) -> Array:
    """One for each step: classes are the last axis."""
    return _of_classes(key, (n, *shape[:-1]), shape[-1])


def _of_classes(key: rng.Key, shape: Shape, k: int) -> Array:
    size = int(np.prod(shape))
    return (rng.permutation(key, max(size, k))[:size] % k).reshape(shape)


def _labels(key: rng.Key, n: int, shape: Shape) -> Array:
    """As many as fit into the steps whatever they are, none of them the blank 0."""
    steps, k = shape
    return 1 + _of_classes(key, (n, (steps + 1) // 2), max(k - 1, 1))


KINDS: Mapping[str, Draw] = MappingProxyType(
    {
        "numbers": _numbers,
        "counts": _counts,
        "answers": _answers,
        "classes": _classes,
        "classes of steps": _classes_of_steps,
        "labels": _labels,
    }
)
