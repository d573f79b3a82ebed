"""Train a net and write down one row an epoch: what the tasks of most studies share."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from experiments.engine.study import DIVERGED, OnProgress, Result
from fnnet import data, rng
from fnnet.errors import NonFiniteError
from fnnet.losses import Loss
from fnnet.runs import trainer
from fnnet.runs.trainer import ACCURACY, Examples, Journal, Plan, Position
from fnnet.training import TrainState
from fnnet.types import Array, Layer, Metric, Optimizer

Epoch: TypeAlias = Callable[[rng.Key], Iterable[tuple[Array, ...]]]  # the key of an epoch -> its batches


class Fit(NamedTuple):
    """The state at the end, one row an epoch, and the step at which the loss was no number any more."""

    state: TrainState
    rows: list[dict[str, Any]]
    diverged: int | None = None

    def broken_off(self) -> Result:
        """What a run that diverged ends with: its rows so far."""
        return Result(self.rows, {DIVERGED: self.diverged})


def shuffled(examples: Examples, size: int, remainder: Literal["keep", "drop", "fill"] = "keep") -> Epoch:
    """Epochs of shuffled batches."""
    return lambda key: data.batches(key, examples, size, remainder)


def fit(
    net: Layer,
    loss: Loss,
    optimizer: Optimizer,
    seed: int,
    epoch: Epoch,
    epochs: int,
    tell: OnProgress,
    held_out: Mapping[str, Examples],
    metrics: Mapping[str, Metric] = ACCURACY,
    start: TrainState | None = None,
    done: int = 0,
    every: int = 1,
    examples: Examples | None = None,
) -> Fit:
    """Train for so many epochs, or until the loss is no number; a row is a line of metrics of `trainer.finish_epoch`.

    Randomness is common to all settings of a seed: initial weights by path, order by epoch, dropout by step and path.

    Args:
        net, loss, optimizer: see `fnnet.training.make_step`.
        seed: of everything.
        epoch: makes the batches of one epoch from its key.
        epochs: how many, with those that are done.
        tell: takes the fraction that is done.
        held_out: name -> examples to evaluate on after an epoch.
        metrics: by name.
        start: where to go on; by default a new state.
        done: epochs behind `start`: the next has the order and the number that it would have without a break.
        every: evaluate only after every so many epochs, and after the last.
        examples: an example batch, for the shape; by default the first of what is held out.
    """
    x, _ = examples or next(iter(held_out.values()))
    plan = Plan(net, loss, optimizer, x.shape[1:], lambda key, _: epoch(key), epochs, held_out, metrics, every)
    rows: list[dict[str, Any]] = []

    def finished(row: dict[str, Any]) -> None:
        rows.append(row)
        tell(row["epoch"] / epochs)

    last = trainer.start(plan, seed) if start is None else trainer.position(plan, start, done)

    def reached(before: Position, after: Position, values: Mapping[str, Any]) -> None:
        nonlocal last
        last = after

    try:
        last = trainer.run(plan, last, Journal(step=reached, epoch=finished))
    except NonFiniteError:
        return Fit(last.state, rows, last.state.step)
    return Fit(last.state, rows)
