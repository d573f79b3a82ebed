"""`scan` and `fold`: training is the fold of the step over the batches."""

from collections.abc import Iterable, Iterator

from toolz import accumulate, drop

from fnnet.arguments import is_function, shown
from fnnet.errors import ConfigError, DataError, Interrupted, expected
from fnnet.training.state import Batch, TrainState
from fnnet.training.step import Metrics, Step


def some(batches: Iterable[Batch]) -> Iterator[Batch]:
    """The batches, of which there has to be one.

    Raises:
        DataError: there is none.
    """
    empty = True
    for batch in batches:
        empty = False
        yield batch
    if empty:
        fix = "an iterator is used up once it was gone over: make it anew for every epoch, as data.batches does"
        raise DataError(expected("batches", "at least one", "none", fix))


def _check_step(step: object) -> None:
    if not is_function(step):
        fix = "the order is (step, state, batches)"
        raise ConfigError(expected("step", "a function (state, batch) -> (state, metrics)", shown(step), fix))


def scan(step: Step, state: TrainState, batches: Iterable[Batch]) -> Iterator[tuple[TrainState, Metrics]]:
    """Yield the state after every step and the metrics of that step.

    Every state is a value: look at it, stop after it, or go on from it twice.

    Raises:
        DataError: there is no batch at all, as in an iterator that was gone over before.

    >>> def step(state, batch): return state + batch, {"loss": -batch}   # anything of this shape will do
    >>> list(scan(step, 0, [1, 2]))
    [(1, {'loss': -1}), (3, {'loss': -2})]
    """
    _check_step(step)
    start: tuple[TrainState, Metrics] = state, {}
    return drop(1, accumulate(lambda done, batch: step(done[0], batch), some(batches), start))


def fold(step: Step, state: TrainState, batches: Iterable[Batch]) -> tuple[TrainState, list[Metrics]]:
    """The state after all batches and the metrics of every step.

        state = functools.reduce(lambda state, batch: step(state, batch)[0], batches, state)

    Raises:
        DataError: there is no batch at all, as in an iterator that was gone over before.
        Interrupted: Ctrl-C; a KeyboardInterrupt whose `state` and `history` are those of the steps that are done.

    >>> def step(state, batch): return state + batch, {"loss": -batch}
    >>> fold(step, 0, [1, 2])
    (3, [{'loss': -1}, {'loss': -2}])
    """
    _check_step(step)
    history: list[Metrics] = []
    try:
        for batch in some(batches):
            state, metrics = step(state, batch)
            history.append(metrics)
    except KeyboardInterrupt as stop:
        if type(stop) is not KeyboardInterrupt:  # somebody's own, such as that of another signal
            raise
        raise Interrupted(state, history) from stop
    return state, history
