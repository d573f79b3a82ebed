"""`scan` and `fold`: training is the fold of the step over the batches."""

from collections.abc import Iterable, Iterator

from fnnet.arguments import is_function, shown
from fnnet.errors import ConfigError, DataError, Interrupted, expected
from fnnet.recipe.made import Made
from fnnet.training.held import Held
from fnnet.training.state import Batch, TrainState
from fnnet.training.step import Metrics, Step, Stepping


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


def advanced(step: Step, held: Held, batches: Iterable[Batch]) -> Iterator[None]:
    """Take what is held through one step for each batch; a step of `make_step` may write over what nobody else sees."""
    made = step.function if isinstance(step, Made) else step
    for batch in some(batches):
        if isinstance(made, Stepping) and held.is_large:
            made.advance(held, batch)
        else:
            state, metrics = step(held.state, batch)
            held.put(state, metrics)
            del state
        yield


def scan(step: Step, state: TrainState, batches: Iterable[Batch]) -> Iterator[tuple[TrainState, Metrics]]:
    """Yield the state after every step and the metrics of that step.

    Every state is a value: look at it, stop after it, or go on from it twice. A large one that nobody has kept makes
    room for the next.

    Raises:
        DataError: there is no batch at all, as in an iterator that was gone over before.

    >>> def step(state, batch): return state + batch, {"loss": -batch}   # anything of this shape will do
    >>> list(scan(step, 0, [1, 2]))
    [(1, {'loss': -1}), (3, {'loss': -2})]
    """
    _check_step(step)
    return _scanned(step, Held(state), batches)


def _scanned(step: Step, held: Held, batches: Iterable[Batch]) -> Iterator[tuple[TrainState, Metrics]]:
    for _ in advanced(step, held, batches):
        yield held.state, held.history.pop()


def fold(step: Step, state: TrainState, batches: Iterable[Batch]) -> tuple[TrainState, list[Metrics]]:
    """The state after all batches and the metrics of every step.

        state = functools.reduce(lambda state, batch: step(state, batch)[0], batches, state)

    A large state that nobody else holds is written over by the next one of a step of `make_step`, so in between there
    is one, not two. That of the first step too, if the caller has no name for it: `fold(step, training.init(…), …)`.

    Raises:
        DataError: there is no batch at all, as in an iterator that was gone over before.
        Interrupted: Ctrl-C; a KeyboardInterrupt whose `state` and `history` are those of the steps that are done. A
            second Ctrl-C while a large state is written over ends in a KeyboardInterrupt without a state.

    >>> def step(state, batch): return state + batch, {"loss": -batch}
    >>> fold(step, 0, [1, 2])
    (3, [{'loss': -1}, {'loss': -2}])
    """
    _check_step(step)
    held = Held(state)
    del state
    held_through(step, held, batches)
    return held.state, held.history


def held_through(step: Step, held: Held, batches: Iterable[Batch]) -> None:
    """The fold of what is held.

    Raises:
        DataError, Interrupted: see `fold`.
    """
    try:
        for _ in advanced(step, held, batches):
            pass
    except KeyboardInterrupt as stop:
        if type(stop) is not KeyboardInterrupt:  # somebody's own, such as that of another signal
            raise
        for state in held.ended():
            raise Interrupted(state, held.history) from stop
        raise
