"""A loss as a layer of predictions, so that it is explained and proved as one."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fnnet import rng
from fnnet.arguments import is_function
from fnnet.arrays import Arrays, concatenated, count, flat, rows
from fnnet.errors import ConfigError, ShapeError, expected
from fnnet.layers import layer
from fnnet.recipe import factory, recipe_of
from fnnet.types import Array, Layer


@factory
def of_loss(loss: Callable[..., Any], target: Arrays) -> Layer:
    """The loss of each example, its targets held: predictions (N, …), or a tuple of such, ↦ (N,).

    Args:
        loss: one of `fnnet.losses`, or a function like them that takes `reduction`.
        target: of each example, (N, …), or a tuple of such.

    Raises:
        ConfigError: the loss is no function.
        ShapeError (of the layer): there are not as many predictions as targets.

    >>> from fnnet import losses
    >>> y, vjp = of_loss(losses.squared_error, np.array([[0.0], [1.0]])).apply((), np.array([[2.0], [4.0]]))
    >>> y, vjp(np.ones(2))[1].tolist()
    (array([2. , 4.5]), [[2.0], [3.0]])
    """
    if not is_function(loss):
        raise ConfigError(expected("loss", "a function (prediction, target) -> (value, vjp)", type(loss).__name__))

    def apply(params: Any, x: Array) -> Any:
        n = count(x)
        if n != count(target):
            raise ShapeError(expected("x", f"{count(target)} predictions, one a target", n))
        each = [loss(rows(x, slice(i, i + 1)), rows(target, slice(i, i + 1)), "sum") for i in range(n)]

        def vjp(dy: Array) -> Any:
            return (), concatenated([own(float(d)) for (_, own), d in zip(each, dy, strict=True)])

        return np.array([value for value, _ in each], flat(x)[0].dtype), vjp

    recipe = recipe_of(loss)
    name = getattr(loss, "__name__", "loss") if recipe is None else recipe.factory.__name__
    return layer(_no_params, apply, shape=lambda shape: (), name=name, takes="anything")


def _no_params(key: rng.Key, shape: Any) -> Any:
    return ()
