"""Early stopping: look at every item of the stream of a training, keep the best params, end when a rule says so."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeAlias

from fnnet.arguments import real, whole
from fnnet.errors import ConfigError, NonFiniteError, expected
from fnnet.training.state import TrainState
from fnnet.training.step import Metrics
from fnnet.types import Params


class Watch(NamedTuple):
    """What early stopping remembers: a tree, saved and loaded like a `TrainState`.

    Args:
        looks: values seen.
        value: the last of them; infinite before the first, like the next two.
        previous: the one before.
        best: the least.
        best_look: when it was seen, from 1; among equal values the first.
        best_step: `state.step` then.
        params: `state.params` then. A training that is to be saved starts from `Watch(params=state.params)`, which
            has the structure of every later watch.
    """

    looks: int = 0
    value: float = math.inf
    previous: float = math.inf
    best: float = math.inf
    best_look: int = 0
    best_step: int = 0
    params: Params = None


Rule: TypeAlias = Callable[[Watch], bool]  # Watch after a look -> whether to stop


def early_stopping(
    stream: Iterable[tuple[TrainState, Metrics]],
    rule: Rule,
    by: str | Callable[[Metrics], float],
    watch: Watch = Watch(),
) -> Iterator[tuple[TrainState, Metrics, Watch]]:
    """Hand on every `(state, metrics)` of a stream with what is remembered so far, and end it when the rule says so.

    `watch.params` are the best params seen, after every item and so whatever ends the training: the rule, the last
    epoch, an error or Ctrl-C. A watch that was saved goes on where it was; one whose rule has spoken yields nothing.

    Args:
        stream: `(state, metrics)`, say one item per epoch with the validation loss in metrics.
        rule: `patience(…)`, `small_improvement(…)`, `relative_rise(…)`, or any function of the watch.
        by: the name of the metric to be made small, or a function of the metrics: `lambda m: -m["accuracy"]`.
        watch: from an earlier stream.

    Raises:
        ConfigError: the metrics have no such name, or its value is no number.
        NonFiniteError: its value is NaN or infinite.

    >>> losses = [3.0, 1.0, 2.0, 4.0, 0.0]
    >>> epochs = [(TrainState(i, f"params {i}", None, None), {"loss": loss}) for i, loss in enumerate(losses)]
    >>> for state, metrics, watch in early_stopping(epochs, patience(2), by="loss"):
    ...     pass
    >>> state.step, watch.params, watch.best
    (3, 'params 1', 1.0)
    """
    if not callable(rule):
        raise ConfigError(expected("rule", "a function of the watch", repr(rule), "as in patience(3)"))
    if watch.looks and rule(watch):
        return
    for state, metrics in stream:
        watch = _look(watch, state, _value(metrics, by))
        yield state, metrics, watch
        if rule(watch):
            return


def patience(looks: int) -> Rule:
    """Stop at the n-th look in a row that is no better than the best.

    >>> rule = patience(2)
    >>> rule(Watch(looks=3, best_look=2)), rule(Watch(looks=4, best_look=2))
    (False, True)
    """
    looks = whole("looks", looks, 1)
    return lambda watch: watch.looks - watch.best_look >= looks


def small_improvement(threshold: float) -> Rule:
    """Stop when a look improves on the one before by less than a threshold (in units of the value).

    >>> rule = small_improvement(0.1)
    >>> rule(Watch(1, 5.0)), rule(Watch(2, 4.5, 5.0)), rule(Watch(2, 4.95, 5.0)), rule(Watch(2, 6.0, 5.0))
    (False, False, True, True)
    """
    threshold = real("threshold", threshold)
    return lambda watch: watch.previous - watch.value < threshold


def relative_rise(threshold: float) -> Rule:
    """Stop when the value exceeds its minimum by more than a fraction of that minimum: value > (1 + threshold) · best.

    For values that are never negative, such as an error rate.

    >>> rule = relative_rise(0.2)
    >>> rule(Watch(value=1.1, best=1.0)), rule(Watch(value=1.3, best=1.0))
    (False, True)
    """
    threshold = real("threshold", threshold, 0)

    def rule(watch: Watch) -> bool:
        if watch.best < 0:
            raise ConfigError(expected("value for relative_rise", "a number ≥ 0", watch.best))
        return watch.value > (1 + threshold) * watch.best

    return rule


def _value(metrics: Metrics, by: str | Callable[[Metrics], float]) -> float:
    if not callable(by) and by not in metrics:
        raise ConfigError(expected("by", f"one of the metrics {', '.join(map(repr, metrics))}", repr(by)))
    value = by(metrics) if callable(by) else metrics[by]
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ConfigError(expected("value that early stopping looks at", "a number", repr(value))) from None


def _look(watch: Watch, state: TrainState, value: float) -> Watch:
    if not math.isfinite(value):
        raise NonFiniteError(f"step {state.step}: the value early stopping looks at is {value}")
    looks = watch.looks + 1
    seen = watch._replace(looks=looks, value=value, previous=watch.value)
    if value >= watch.best:
        return seen
    return seen._replace(best=value, best_look=looks, best_step=state.step, params=state.params)
