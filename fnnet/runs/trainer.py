"""A run: training from a position to the end or to a stop, leaving its files on the way."""

import math
import time
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np

from fnnet import data, metrics, rng, training, tree
from fnnet.errors import NonFiniteError
from fnnet.runs.experiment import Problem
from fnnet.runs.progress import Progress
from fnnet.runs.recipes import Training
from fnnet.types import Array, Layer, Params

DIGEST_EVERY = 50  # steps between two digests of the params
EVALUATION_BATCH = 256  # examples; part of what makes bytes repeat


class Position(NamedTuple):
    """Where a run stands: a tree, and all that going on needs besides the configuration and the data.

    Args:
        state: see `fnnet.training`.
        epoch: finished epochs.
        batch: batches done in the epoch after those.
        examples: examples in those batches.
        loss: sum of the loss over those examples.
        correct: of those examples, how many were right when they were trained on.
        seconds: time those batches took, training only.
        watch: what early stopping remembers; nothing is looked at without `config.patience`.
    """

    state: training.TrainState
    epoch: int
    batch: int
    examples: int
    loss: float
    correct: float
    seconds: float
    watch: training.EarlyStoppingState


class Journal(NamedTuple):
    """Where a run writes: functions, so that a replay can compare instead.

    Args:
        step: takes a line of steps.jsonl.
        epoch: takes a line of metrics.jsonl.
        save: takes the position to keep for resuming.
    """

    step: Callable[[dict[str, Any]], None]
    epoch: Callable[[dict[str, Any]], None]
    save: Callable[[Position], None]


def start(problem: Problem, config: Training) -> Position:
    """The position before the first step."""
    state = training.init(problem.net, problem.optimizer, rng.key(config.seed), problem.shape)
    watch = training.EarlyStoppingState(params=None if config.patience is None else state.params)
    return Position(state, 0, 0, 0, 0.0, 0.0, 0.0, watch)


def is_over(position: Position, config: Training) -> bool:
    """Whether the run ends here: after its last epoch, or because early stopping says so."""
    if config.patience is not None and training.patience(config.patience)(position.watch):
        return True
    return position.epoch == config.epochs


def trained(position: Position) -> Params:
    """The params a run gives that ends here: the last, or with early stopping the best of those looked at."""
    return position.watch.params if position.watch.evaluations else position.state.params


def batch_count(problem: Problem, config: Training) -> int:
    """Steps in an epoch."""
    return data.batch_count(len(problem.train[0]), config.batch_size)


def order(position: Position) -> rng.Key:
    """The key that names the order of the examples in the current epoch."""
    return rng.fold_in(rng.fold_in(position.state.key, "shuffle"), position.epoch)


def next_epoch(position: Position) -> Position:
    """The same place, seen as the beginning of the next epoch."""
    return position._replace(epoch=position.epoch + 1, batch=0, examples=0, loss=0.0, correct=0.0, seconds=0.0)


def steps(problem: Problem, config: Training, position: Position) -> Iterator[tuple[Position, dict[str, Any]]]:
    """The steps to the end of the current epoch, each with the position after it and its metrics."""
    step = training.make_step(problem.net, problem.loss, problem.optimizer, {"accuracy": metrics.accuracy})
    clock = time.perf_counter()
    for batch in data.batches(order(position), problem.train, config.batch_size, start=position.batch):
        state, values = step(position.state, batch)
        n, now = len(batch[0]), time.perf_counter()
        position = position._replace(
            state=state,
            batch=position.batch + 1,
            examples=position.examples + n,
            loss=position.loss + values["loss"] * n,
            correct=position.correct + values["accuracy"] * n,
            seconds=position.seconds + now - clock,
        )
        clock = now
        yield position, values


def run(
    problem: Problem,
    config: Training,
    position: Position,
    journal: Journal,
    progress: Progress,
    stop: Callable[[], object] = lambda: False,
    save_every: float = 30.0,
) -> Position:
    """Train from `position` to the end, or to the step at which `stop()` is true, and return where that is.

    Args:
        problem: what to train.
        config: its settings.
        position: from `start`, or a saved one.
        journal: where to write.
        progress: whom to tell.
        stop: asked after every step.
        save_every: seconds between two saved positions inside an epoch; the end of an epoch is always saved.

    Raises:
        NonFiniteError: NaN or infinity, in a step or in a look after an epoch; the position before has been saved.
    """
    count = batch_count(problem, config)
    saved = time.monotonic()
    while not is_over(position, config):
        try:
            for after, values in steps(problem, config, position):
                journal.step(step_row(position, values))
                position = after
                rate = position.examples / position.seconds
                progress.step(
                    position.state.step,
                    position.epoch + 1,
                    position.loss / position.examples,
                    position.correct / position.examples,
                    rate,
                )
                if position.batch < count and (stop() or time.monotonic() - saved > save_every):
                    journal.save(position)
                    saved = time.monotonic()
                    if stop():
                        return position
            after, row = finish_epoch(problem, config, position)
        except NonFiniteError:
            journal.save(position)
            raise
        position = after
        journal.epoch(row)
        journal.save(position)
        saved = time.monotonic()
        progress.epoch(row)
        if stop():
            return position
    return position


def step_row(before: Position, values: dict[str, Any]) -> dict[str, Any]:
    """A line of steps.jsonl: the step, counted from 0, its loss, and every so often digests of the params before it."""
    row = {"step": before.state.step, "loss": values["loss"]}
    return row if row["step"] % DIGEST_EVERY else {**row, "digests": digests(before.state.params)}


def digests(params: Params) -> dict[str, str]:
    """A digest of every leaf, statistics and frozen ones too.

    >>> digests({"bias": np.zeros(2, np.float32)})
    {'bias': 'ca08ea5bca49cc18'}
    """
    return {path: blake2b(tree.array(leaf), digest_size=8).hexdigest() for path, leaf in tree.items(params)}


def finish_epoch(problem: Problem, config: Training, position: Position) -> tuple[Position, dict[str, Any]]:
    """The position at the beginning of the next epoch, and the line of metrics.jsonl for this one.

    Training loss and accuracy are means over the epoch, of every batch just before its update; the validation and test
    metrics are those of the net after the last. Early stopping looks at the validation loss, never at the test set.

    Raises:
        NonFiniteError: a loss is NaN or infinite.
    """
    clock = time.perf_counter()
    row = {
        "epoch": position.epoch + 1,
        "step": position.state.step,
        "train_loss": position.loss / position.examples,
        "train_accuracy": position.correct / position.examples,
        "seconds": position.seconds,
        "examples_per_second": position.examples / position.seconds,
    }
    for part in problem.held_out:
        row |= look(problem, position, part)
    row["look_seconds"] = time.perf_counter() - clock
    watch = position.watch
    if config.patience is not None:
        stream, rule = [(position.state, row)], training.patience(config.patience)
        ((_, _, watch),) = training.early_stopping(stream, rule, by="validation_loss", memory=watch)
    return next_epoch(position)._replace(watch=watch), row


def look(problem: Problem, position: Position, part: str) -> dict[str, float]:
    """Loss and accuracy of the net as it stands on a part of the data it is not trained on.

    Raises:
        NonFiniteError: the loss is NaN or infinite.
    """
    examples, metric = problem.held_out[part], {"accuracy": metrics.accuracy}
    with np.errstate(all="ignore"):  # what comes of it is looked at below
        found = training.evaluate(problem.net, position.state.params, examples, metric, problem.loss, EVALUATION_BATCH)
    if not math.isfinite(found["loss"]):
        at = f"after epoch {position.epoch + 1}, step {position.state.step - 1}"
        raise NonFiniteError(f"{at}: the {part} loss is {found['loss']}, although all params are finite")
    return {f"{part}_{name}": value for name, value in found.items()}


def predictions(net: Layer, params: Params, x: Array) -> Array:
    """What the net in evaluation makes of x (N, …), in batches of a fixed size."""
    return np.concatenate([net.apply(params, part)[0] for (part,) in data.in_order((x,), EVALUATION_BATCH)])
