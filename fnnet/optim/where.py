"""Predicates `where(path, leaf) -> bool` that choose leaves of params."""

from typing import Any

from fnnet.errors import ConfigError, expected
from fnnet.optim.engine import Where
from fnnet.types import Array


def everywhere(path: str, leaf: Array) -> bool:
    """Every leaf."""
    return True


def is_weight(path: str, leaf: Array) -> bool:
    """Whether a leaf is a weight, and not a bias or a parameter of a normalisation: what decay is usually meant for.

    A weight has at least two axes and is not called `bias` or `gain`.

    >>> import numpy as np
    >>> is_weight("dense_0.weight", np.ones((3, 2))), is_weight("dense_0.bias", np.ones(2))
    (True, False)
    """
    return leaf.ndim >= 2 and path.rpartition(".")[2] not in ("bias", "gain")


def predicate(where: Any) -> Where:
    """The same function, or a ConfigError that says it is none."""
    if not callable(where):
        fix = 'such as lambda path, leaf: path.endswith("weight")'
        raise ConfigError(expected("where", "a function (path, leaf) -> bool", repr(where), fix))
    return where
