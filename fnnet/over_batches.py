"""How a metric's values for several batches become one: `over_batches` says it where the value does not."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Literal, ParamSpec, TypeAlias, TypeVar

from fnnet.arguments import one_of, shown
from fnnet.errors import ConfigError, expected

How: TypeAlias = Literal["all", "sum"]
P = ParamSpec("P")
T = TypeVar("T")

_HOW = ("all", "sum")
_MARK = "_over_batches"


def over_batches(how: How) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorate a metric whose batches are not put together as its values look: means averaged, counts added.

    Args:
        how: "all", to be called once with the predictions and targets of all examples; or "sum", its values add up.

    >>> @over_batches("all")
    ... def largest_error(predictions, target):
    ...     return float(abs(predictions - target).max())
    >>> how_of(largest_error), how_of(len)
    ('all', None)
    """
    if not isinstance(how, str) or how not in _HOW:
        raise ConfigError(expected("how", one_of(_HOW), shown(how)))

    def mark(metric: Callable[P, T]) -> Callable[P, T]:
        @wraps(metric)
        def marked(*args: P.args, **options: P.kwargs) -> T:
            return metric(*args, **options)

        setattr(marked, _MARK, how)
        return marked

    return mark


def how_of(metric: Any) -> How | None:
    """How a metric is marked, also below a `functools.partial` or a factory; None where its value says it."""
    while metric is not None:
        how: How | None = getattr(metric, _MARK, None)
        if how is not None:
            return how
        metric = getattr(metric, "func", None) or getattr(metric, "__wrapped__", None)
    return None
