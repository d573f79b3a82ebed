"""Predicates `where(path, leaf) -> bool` that choose leaves of params."""

from typing import Any

from fnnet.arguments import is_function, shown
from fnnet.errors import ConfigError, expected
from fnnet.optim.engine import Where
from fnnet.recipe import factory
from fnnet.types import Array


def everywhere(path: str, leaf: Array) -> bool:
    """Every leaf."""
    return True


def is_weight(path: str, leaf: Array) -> bool:
    """Whether a leaf is a weight, and not a bias or a parameter of a normalisation: what decay is usually meant for.

    A weight has at least two axes and is not called `bias` or `gain`, nor `weight_sigma`, the size of a noise.

    >>> import numpy as np
    >>> is_weight("dense_0.weight", np.ones((3, 2))), is_weight("dense_0.bias", np.ones(2))
    (True, False)
    """
    return leaf.ndim >= 2 and path.rpartition(".")[2] not in ("bias", "gain", "weight_sigma")


@factory
def under(*paths: str) -> Where:
    """The leaves that are, or stand below, these paths: `under("dense_1")` is not `dense_10`.

    Raises:
        ConfigError: no path is given, or one is no path; of a path without a leaf tells who asks for leaves.

    >>> where = under("dense_1", "conv2d_0.bias")
    >>> [where(path, None) for path in ("dense_1.weight", "dense_10.weight", "conv2d_0.bias", "conv2d_0.weight")]
    [True, False, True, False]
    """
    for path in paths:
        if not isinstance(path, str) or not path:
            wanted = 'the path of a leaf or of what holds it, such as "dense_1"'
            raise ConfigError(expected("path", wanted, shown(path)))
    if not paths:
        raise ConfigError(expected("under", "a path or more", "none"))
    below = tuple(f"{path}." for path in paths)
    return lambda path, leaf: path in paths or path.startswith(below)


@factory
def outside(*paths: str) -> Where:
    """All leaves but those under these paths; with it, `freeze` trains a last layer alone.

    `freeze(adam(1e-3), outside("dense_2"))` moves what is below `dense_2`.

    >>> where = outside("dense_1")
    >>> [where(path, None) for path in ("dense_1.weight", "dense_10.weight")]
    [False, True]
    """
    within = under(*paths)
    return lambda path, leaf: not within(path, leaf)


def predicate(where: Any) -> Where:
    """The same function, or a ConfigError that says it is none."""
    if not is_function(where):
        fix = 'such as lambda path, leaf: path.endswith("weight")'
        raise ConfigError(expected("where", "a function (path, leaf) -> bool", shown(where), fix))
    return where
