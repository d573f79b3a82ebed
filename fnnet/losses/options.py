"""`with_options`: a loss with its options set, as a value that knows them."""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from fnnet.arguments import is_function, one_of, real, shown, whole
from fnnet.errors import ConfigError, expected
from fnnet.losses._check import check_ignore, check_positive_weight, check_smoothing
from fnnet.losses._reduce import Loss, check_share
from fnnet.losses.ctc import check_impossible
from fnnet.recipe import factory

# What options may be, checked when they are set and not at the first batch. Those of an own loss are its own affair.
CHECKS: Mapping[str, Callable[[Any], object]] = MappingProxyType(
    {
        "class_weights": lambda value: value is None or check_share("class_weights", value),
        "positive_weight": lambda value: value is None or check_positive_weight(value),
        "ignore": lambda value: value is None or check_ignore(value),
        "smoothing": check_smoothing,
        "gamma": lambda value: real("gamma", value, 0),
        "margin": lambda value: real("margin", value, 0, open="("),
        "blank": lambda value: whole("blank", value, 0),
        "impossible": check_impossible,
        "delta": lambda value: real("delta", value, 0, open="("),
    }
)


@factory
def with_options(loss: Loss, **options: Any) -> Loss:
    """The loss with these options: `functools.partial` that checks them at once, is printed, compared and saved.

    Args:
        loss: any loss, an own one too.
        options: by name, of those it takes; `weight` is none, as it belongs to a batch `(x, target, weight)`.

    Raises:
        ConfigError: the loss has no such option, or it is out of its range.

    >>> from fnnet import losses
    >>> loss = with_options(losses.softmax_cross_entropy, class_weights=(1, 4), smoothing=0.1)
    >>> loss
    losses.with_options(losses.softmax_cross_entropy, class_weights=(1, 4), smoothing=0.1)
    >>> round(loss(np.log([[1.0, 3.0]]), np.array([1]))[0], 4)
    0.3426
    """
    if not is_function(loss):
        raise ConfigError(expected("loss", "a function (predictions, target) -> (value, vjp)", shown(loss)))
    for option, value in options.items():
        if isinstance(value, np.ndarray) and value.ndim > 1:
            raise ConfigError(expected(option, "a number, or one for each class", shown(value)))
    if any(isinstance(value, np.ndarray) for value in options.values()):  # which a file could not hold
        plain = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in options.items()}
        return with_options(loss, **plain)
    name = getattr(loss, "__name__", "loss")
    known = inspect.signature(loss).parameters.values()
    taken = {p.name for p in known if p.kind is p.KEYWORD_ONLY or p.name == "reduction"} - {"weight"}
    for option, value in options.items():
        if option == "weight":
            fix = "give every batch its own: (x, target, weight)"
            raise ConfigError(expected(f"options of {name}", "what holds for all batches", "'weight'", fix))
        if option not in taken and not any(p.kind is p.VAR_KEYWORD for p in known):
            raise ConfigError(expected(f"options of {name}", one_of(sorted(taken)) or "none", shown(option)))
        if option == "reduction" and value not in ("mean", "sum"):
            raise ConfigError(expected("reduction", one_of(["mean", "sum"]), shown(value)))
        if option in CHECKS and str(getattr(core(loss), "__module__", "")).startswith("fnnet."):
            CHECKS[option](value)
    return partial(loss, **options)


def core(loss: Any) -> Any:
    """The function below all options, whoever set them.

    >>> from functools import partial
    >>> from fnnet import losses
    >>> core(partial(losses.with_options(losses.huber, delta=0.5), reduction="sum")) is losses.huber
    True
    """
    while True:
        inside = getattr(loss, "func", None) or getattr(loss, "__wrapped__", None)
        if inside is None:
            return loss
        loss = inside
