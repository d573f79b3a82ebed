"""Early stopping: evaluate every item of the stream of a training, keep the best params, end when a rule says so."""

import math
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple, TypeAlias

from fnnet.arguments import is_function, one_of, real, shown, whole
from fnnet.errors import ConfigError, NonFiniteError, expected
from fnnet.recipe import factory
from fnnet.training.state import TrainState
from fnnet.training.step import Metrics
from fnnet.types import Params


class EarlyStoppingState(NamedTuple):
    """What early stopping remembers: a tree, saved and loaded like a `TrainState`.

    Args:
        evaluations: values seen.
        value: the last of them; infinite before the first, like the next two.
        previous: the one before.
        best: the least, or the greatest.
        best_evaluation: when it was seen, counted from 1; among equal values the first.
        best_step: `state.step` then.
        params: `state.params` then. A training that is to be saved starts from
            `EarlyStoppingState(params=state.params)`, which has the structure of every later one.
    """

    evaluations: int = 0
    value: float = math.inf
    previous: float = math.inf
    best: float = math.inf
    best_evaluation: int = 0
    best_step: int = 0
    params: Params = None


Mode: TypeAlias = Literal["min", "max"]
MODES = ("min", "max")
_GREATER = {"accuracy", "acc", "precision", "recall", "f1", "auc", "r2", "score", "correct"}  # words of a name
_LESS = {"loss", "error", "mae", "mse", "rmse", "mape", "perplexity", "entropy", "divergence"}
Rule: TypeAlias = Callable[[EarlyStoppingState], bool]  # what is remembered after an evaluation -> whether to stop


def early_stopping(
    stream: Iterable[tuple[TrainState, Metrics]],
    rule: Rule,
    by: str | Callable[[Metrics], float],
    memory: EarlyStoppingState = EarlyStoppingState(),
    *,
    mode: Mode = "min",
) -> Iterator[tuple[TrainState, Metrics, EarlyStoppingState]]:
    """Hand on every `(state, metrics)` of a stream with what is remembered so far, and end it when the rule says so.

    `memory.params` are the best params seen, after every item and so whatever ends the training: the rule, the last
    epoch, an error or Ctrl-C. A memory that was saved goes on where it was; one whose rule has spoken yields nothing.

    Args:
        stream: `(state, metrics)`, say one item per epoch with the validation loss in metrics.
        rule: `patience(…)`, `small_improvement(…)`, `relative_rise(…)`, or any function of the memory.
        by: the name of the metric that decides, or a function of the metrics.
        memory: from an earlier stream.
        mode: whether the least value is the best, "min", or the greatest, "max". A name that says the other way, such
            as "accuracy" with "min", is refused. Rules see a greatest value with its sign turned: less is better.

    Raises:
        ConfigError: the metrics have no such name, its value is no number, or its name says the other way.
        NonFiniteError: its value is NaN or infinite.

    >>> losses = [3.0, 1.0, 2.0, 4.0, 0.0]
    >>> epochs = [(TrainState(i, f"params {i}", None, None), {"loss": loss}) for i, loss in enumerate(losses)]
    >>> for state, metrics, memory in early_stopping(epochs, patience(2), by="loss"):
    ...     pass
    >>> state.step, memory.params, memory.best
    (3, 'params 1', 1.0)
    """
    if not is_function(rule):
        raise ConfigError(expected("rule", "a function of an EarlyStoppingState", shown(rule), "as in patience(3)"))
    if not isinstance(mode, str) or mode not in MODES:
        raise ConfigError(expected("mode", one_of(MODES), shown(mode)))
    sign = 1.0 if mode == "min" else -1.0
    if memory.evaluations and rule(_turned(memory, sign)):
        return
    for state, metrics in stream:
        value = _value(metrics, by)
        _check_name(by, mode)
        memory = _remember(memory, state, value, sign)
        yield state, metrics, memory
        del state  # who asks for the next may have let it go
        if rule(_turned(memory, sign)):
            return


@factory
def patience(evaluations: int) -> Rule:
    """Stop at the n-th evaluation in a row that is no better than the best.

    >>> rule = patience(2)
    >>> [rule(EarlyStoppingState(evaluations=n, best_evaluation=2)) for n in (3, 4)]
    [False, True]
    """
    evaluations = whole("evaluations", evaluations, 1)
    return lambda memory: memory.evaluations - memory.best_evaluation >= evaluations


@factory
def small_improvement(threshold: float) -> Rule:
    """Stop when an evaluation improves on the one before by less than a threshold (in units of the value).

    >>> rule = small_improvement(0.1)
    >>> rule(EarlyStoppingState(evaluations=1, value=5.0))
    False
    >>> [rule(EarlyStoppingState(evaluations=2, value=value, previous=5.0)) for value in (4.5, 4.95, 6.0)]
    [False, True, True]
    """
    threshold = real("threshold", threshold)
    return lambda memory: memory.previous - memory.value < threshold


@factory
def relative_rise(threshold: float) -> Rule:
    """Stop when the value exceeds its minimum by more than a fraction of that minimum: value > (1 + threshold) · best.

    For values that are never negative, such as an error rate.

    >>> rule = relative_rise(0.2)
    >>> rule(EarlyStoppingState(value=1.1, best=1.0)), rule(EarlyStoppingState(value=1.3, best=1.0))
    (False, True)
    """
    threshold = real("threshold", threshold, 0)

    def rule(memory: EarlyStoppingState) -> bool:
        if memory.best < 0:
            raise ConfigError(expected("value for relative_rise", "a number ≥ 0", memory.best))
        return memory.value > (1 + threshold) * memory.best

    return rule


def _value(metrics: Metrics, by: str | Callable[[Metrics], float]) -> float:
    if not is_function(by) and by not in metrics:
        raise ConfigError(expected("by", f"one of the metrics {', '.join(map(repr, metrics))}", shown(by)))
    value = metrics[by] if isinstance(by, str) else by(metrics)
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ConfigError(expected("value that early stopping evaluates", "a number", shown(value))) from None


def _check_name(by: str | Callable[[Metrics], float], mode: str) -> None:
    """Raise where the name of a metric says that the other way is better."""
    words = set(re.split(r"[^a-z0-9]+", by.lower())) if isinstance(by, str) else set()
    for other, meant, what in (("min", _GREATER, "greatest"), ("max", _LESS, "least")):
        if mode == other and words & meant and not words & (_LESS if meant is _GREATER else _GREATER):
            right = "max" if other == "min" else "min"
            raise ConfigError(expected("mode", f"'{right}', as the {what} {by} is the best", shown(mode)))


def _turned(memory: EarlyStoppingState, sign: float) -> EarlyStoppingState:
    """A memory as rules see it."""
    if sign > 0 or not memory.evaluations:
        return memory
    previous = memory.previous if memory.evaluations == 1 else -memory.previous
    return memory._replace(value=-memory.value, previous=previous, best=-memory.best)


def _remember(memory: EarlyStoppingState, state: TrainState, value: float, sign: float) -> EarlyStoppingState:
    if not math.isfinite(value):
        raise NonFiniteError(f"step {state.step}: the value early stopping evaluates is {value}")
    evaluations = memory.evaluations + 1
    seen = memory._replace(evaluations=evaluations, value=value, previous=memory.value)
    if memory.evaluations and sign * value >= sign * memory.best:
        return seen
    return seen._replace(best=value, best_evaluation=evaluations, best_step=state.step, params=state.params)
