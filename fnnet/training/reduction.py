"""How a loss reduces over its batch: needed wherever the losses of several batches become one."""

import inspect

from fnnet.arguments import one_of
from fnnet.errors import ConfigError, expected
from fnnet.losses import Loss

_REDUCTIONS = ("mean", "sum")


def reduction_of(loss: Loss) -> str:
    """The loss's own argument `reduction`, "mean" or "sum", also where `functools.partial` has set it.

    Raises:
        ConfigError: the loss has no such argument, so nobody can know.

    >>> from functools import partial
    >>> from fnnet import losses
    >>> reduction_of(losses.squared_error), reduction_of(partial(losses.squared_error, reduction="sum"))
    ('mean', 'sum')
    """
    argument = inspect.signature(loss).parameters.get("reduction")
    if argument is None or argument.default not in _REDUCTIONS:
        wanted = f"an argument reduction, {one_of(_REDUCTIONS)} by default"
        fix = "give it one, so that batches can be put together"
        raise ConfigError(expected(f"loss {getattr(loss, '__name__', repr(loss))}", wanted, "none", fix))
    return str(argument.default)
