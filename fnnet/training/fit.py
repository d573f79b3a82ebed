"""`fit`: the loop over epochs that everybody writes, as a stream of states and rows."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from fnnet.arguments import is_function, shown, whole
from fnnet.arrays import Arrays, count, length
from fnnet.errors import ConfigError, Interrupted, expected
from fnnet.rng import Key, fold_in
from fnnet.training.evaluate import combine
from fnnet.training.fold import held_through
from fnnet.training.held import Held
from fnnet.training.state import Batch, TrainState, x_target_weight
from fnnet.training.step import Step
from fnnet.types import Measured, Params

if TYPE_CHECKING:
    from fnnet.data.batches import Remainder

Row: TypeAlias = dict[str, Any]  # what is told of an epoch, see `fit`
Augment: TypeAlias = Callable[[Key, Arrays], Arrays]
_LOOK = "a function such as lambda params: training.evaluate(net, params, held_out, metrics, loss)"


def fit(
    step: Step,
    state: TrainState,
    train: Sequence[Arrays],
    epochs: int,
    *,
    size: int = 32,
    remainder: "Remainder" = "keep",
    augment: Augment | None = None,
    validation: Callable[[Params], Mapping[str, Measured]] | None = None,
) -> Iterator[tuple[TrainState, Row]]:
    """Train to the end of the epochs, and yield the state after every one with a row of what is to be told of it.

        for epoch in range(epochs):
            shuffled = data.batches(fold_in(fold_in(state.key, "shuffle"), epoch), train, size, remainder)
            state, history = fold(step, state, shuffled)

    It goes on where the state stands: `state.step` says how many epochs and batches are done, so that a state that was
    saved anywhere goes on to the bytes of the training that never stopped. A row is the dict

    - `epoch`, counted from 1, and `step`, as in the state;
    - `loss` and the other metrics of the step: over the epoch's examples, each as it was trained on, floats averaged
      and whole numbers added up;
    - `validation_loss` and so on, what `validation` gives;
    - `seconds`: of the epoch's steps.

    What consumes the stream hands it on: `progress`, `csv_log`, `checkpoints`, and outermost `early_stopping`.

    Args:
        step: from `make_step`, or any `(state, batch) -> (state, metrics)` that counts `state.step`.
        state: from `init`, or one that was saved.
        train: `(x, target)` or `(x, target, weight)`, with one first axis.
        epochs: all of them, those that the state has behind it too.
        size: examples in a batch.
        remainder: of a last batch that would be short, see `data.batches`.
        augment: `(key, x) -> x`, such as `partial(data.shift, pixels=2)`, for every batch with a key of its own.
        validation: params -> values by name, looked at after every epoch, such as
            `lambda params: evaluate(net, params, held_out, metrics, loss)`.

    Raises:
        DataError: no examples, or fewer than `size` where the remainder is to be dropped or filled.
        ConfigError: an argument is none of the above.
        Interrupted (the stream): Ctrl-C; a KeyboardInterrupt whose `state` is that after the last step.
        NonFiniteError (the stream): see `make_step`.

    >>> import numpy as np
    >>> from fnnet import layers, losses, optim, rng, training
    >>> net, optimizer = layers.dense(1), optim.sgd(0.5)
    >>> step = training.make_step(net, losses.squared_error, optimizer)
    >>> state = training.init(net, optimizer, rng.key(0), (1,))
    >>> x = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
    >>> for state, row in fit(step, state, (x, 2 * x), 3, size=8):
    ...     pass
    >>> row["epoch"], row["step"], row["loss"] < 0.1, sorted(row)
    (3, 15, True, ['epoch', 'loss', 'seconds', 'step'])
    """
    if not is_function(step):
        raise ConfigError(
            expected("step", "a function (state, batch) -> (state, metrics)", shown(step), "see make_step")
        )
    if not isinstance(state, TrainState):
        raise ConfigError(expected("state", "a TrainState", shown(state), "make the first with training.init"))
    if augment is not None and not is_function(augment):
        raise ConfigError(expected("augment", "a function (key, x) -> x", shown(augment)))
    if validation is not None and not is_function(validation):
        raise ConfigError(expected("validation", _LOOK, shown(validation)))
    from fnnet.data.batches import batch_count  # all readers come with it, which takes its time

    per_epoch = batch_count(length(train, stored=True), size, remainder)
    last = whole("epochs", epochs, 0)
    return _epochs(step, Held(state), tuple(train), per_epoch, last, size, remainder, augment, validation)


def _epochs(
    step: Step,
    held: Held,
    train: Sequence[Arrays],
    per_epoch: int,
    last: int,
    size: int,
    remainder: "Remainder",
    augment: Augment | None,
    validation: Callable[[Params], Mapping[str, Measured]] | None,
) -> Iterator[tuple[TrainState, Row]]:
    from fnnet.data.batches import batches

    key = held.state.key
    first, start = divmod(held.state.step, per_epoch)
    for epoch in range(first, last):
        clock = time.perf_counter()
        order = fold_in(fold_in(key, "shuffle"), epoch)
        shuffled: Iterable[Batch] = batches(order, train, size, remainder, start)
        if augment is not None:
            shuffled = _augmented(shuffled, augment, fold_in(key, "augment"), epoch * per_epoch + start)
        weights: list[float] = []
        history = held.history = []
        held_through(step, held, _weighed(shuffled, weights))
        seconds = time.perf_counter() - clock
        try:
            row: Row = {"epoch": epoch + 1, "step": held.state.step}
            row |= {name: combine([found[name] for found in history], weights, name) for name in history[0]}
            if validation is not None:
                row |= {f"validation_{name}": value for name, value in validation(held.state.params).items()}
        except KeyboardInterrupt as stop:
            if type(stop) is not KeyboardInterrupt:
                raise
            raise Interrupted(held.state, history) from stop
        yield held.state, {**row, "seconds": seconds}
        start = 0


def _augmented(shuffled: Iterable[Batch], augment: Augment, key: Key, start: int) -> Iterator[Batch]:
    """The batches with their x changed, each by the key of its step."""
    for number, (x, *others) in enumerate(shuffled, start):
        yield augment(fold_in(key, number), x), *others


def _weighed(shuffled: Iterable[Batch], weights: list[float]) -> Iterator[Batch]:
    """The same batches; what each weighs is added to `weights`."""
    for batch in shuffled:
        x, _, weight = x_target_weight(batch)
        weights.append(float(count(x)) if weight is None else float(weight.sum()))
        yield batch
