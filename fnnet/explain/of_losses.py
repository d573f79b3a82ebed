"""A loss as a layer of predictions, so that it is explained and proved as one."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fnnet import rng
from fnnet.arguments import is_function
from fnnet.errors import ConfigError, ShapeError, expected
from fnnet.layers import layer
from fnnet.recipe import factory
from fnnet.types import Array, Layer


@factory
def of_loss(loss: Callable[..., Any], target: Array) -> Layer:
    """The loss of each example, its targets held: predictions (N, …) ↦ (N,).

    Args:
        loss: one of `fnnet.losses`, or a function like them that takes `reduction`.
        target: of each example, (N, …).

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
        if len(x) != len(target):
            raise ShapeError(expected("x", f"{len(target)} predictions, one a target", len(x)))
        each = [loss(x[i : i + 1], target[i : i + 1], "sum") for i in range(len(x))]

        def vjp(dy: Array) -> Any:
            return (), np.concatenate([own(float(d)) for (_, own), d in zip(each, dy, strict=True)])

        return np.array([value for value, _ in each], x.dtype), vjp

    return layer(_no_params, apply, shape=lambda shape: (), name=getattr(loss, "__name__", "loss"))


def _no_params(key: rng.Key, shape: Any) -> Any:
    return ()
