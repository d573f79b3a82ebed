"""How a loss reduces over its batch: needed wherever the losses of several batches become one."""

import inspect
import numbers
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from fnnet.arguments import one_of, shown
from fnnet.arrays import Array, Arrays, Cotangent, check_cotangent
from fnnet.errors import ConfigError, FnnetError, expected
from fnnet.losses import Loss, LossPullback, LossValue
from fnnet.losses.options import core
from fnnet.types import Target

_REDUCTIONS = ("mean", "sum")


def reduction_of(loss: Loss) -> str:
    """The loss's own argument `reduction`, "mean" or "sum", also where an option or `functools.partial` has set it.

    Raises:
        ConfigError: the loss has no such argument, so nobody can know.

    >>> from fnnet import losses
    >>> reduction_of(losses.squared_error), reduction_of(losses.with_options(losses.squared_error, reduction="sum"))
    ('mean', 'sum')
    """
    argument = inspect.signature(loss).parameters.get("reduction")
    if argument is None or argument.default not in _REDUCTIONS:
        wanted = f"an argument reduction, {one_of(_REDUCTIONS)} by default"
        fix = "give it one, so that batches can be put together"
        raise ConfigError(expected(f"loss {name_of(loss)}", wanted, "none", fix))
    return str(argument.default)


def loss_of(loss: Loss, predictions: Arrays, target: Target, weight: Array | None = None) -> LossValue:
    """The loss of a batch, of weighted examples where it has weights.

    Raises:
        ConfigError: the loss takes no weights, or gives something else than `(value, vjp)`.
    """
    found: Any
    if weight is None:
        found = loss(predictions, target)
    else:
        check_weighs("loss", loss)
        found = loss(predictions, target, weight=weight)
    if not (isinstance(found, tuple) and len(found) == 2 and callable(found[1])):
        got = f"{len(found)} things" if isinstance(found, tuple) else f"a {type(found).__name__}"
        raise ConfigError(
            expected(f"what loss {name_of(loss)} returns", "a pair (value, vjp)", got, "see fnnet.losses")
        )
    if not isinstance(found[0], numbers.Number | np.generic) and np.shape(found[0]) != ():
        fix = "reduce it over the batch, by its mean or its sum"
        raise ConfigError(expected(f"the value of loss {name_of(loss)}", "one number", shown(found[0]), fix))
    return cast(LossValue, found)


def cotangent_of(loss: Loss, pullback: LossPullback, predictions: Arrays) -> Cotangent:
    """The gradient of a loss by the predictions.

    Raises:
        ConfigError: what the loss's vjp returns is no array like them.
    """
    dy = pullback(1.0)
    if type(dy) is type(predictions) is np.ndarray and dy.shape == predictions.shape and dy.dtype == predictions.dtype:
        return dy  # as nearly always
    if type(predictions) is np.ndarray:
        wanted = f"an array like the predictions, {predictions.shape} {predictions.dtype}"
        raise ConfigError(expected(f"what the vjp of loss {name_of(loss)} returns", wanted, shown(dy)))
    try:
        check_cotangent(f"what the vjp of loss {name_of(loss)} returns", dy, predictions, "the predictions")
    except FnnetError as error:
        raise ConfigError(str(error)) from None
    return dy


def total_of(pullback: LossPullback, n: int, weight: Array | None) -> float:
    """What the mean of a loss divides by: what its pullback says, else the sum of weights, else the examples."""
    found = getattr(pullback, "total", None)
    if found is not None:
        return float(found)
    return float(n) if weight is None else float(weight.sum())


def check_weighs(what: str, function: Callable[..., Any]) -> None:
    """Raise unless the function takes `weight=`, as a batch `(x, target, weight)` asks for."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some builtins do not say
        return
    if not any(p.name == "weight" or p.kind is p.VAR_KEYWORD for p in parameters):
        fix = "give it one, or batches without weights"
        wanted = "an argument weight, as the batch is (x, target, weight)"
        raise ConfigError(expected(f"{what} {name_of(function)}", wanted, "none", fix))


def name_of(function: Any) -> str:
    """What to call a function in a message."""
    return str(getattr(core(function), "__name__", type(function).__name__))
