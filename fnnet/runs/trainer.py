"""The training loop of everything that trains: from a position to the end or to a stop, told of on the way."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple, TypeAlias

import attrs
import numpy as np

from fnnet import data, metrics, rng, training, tree
from fnnet.arrays import count
from fnnet.errors import NonFiniteError
from fnnet.losses import Loss
from fnnet.parallel import Team, alone
from fnnet.parallel.portion import Portion
from fnnet.runs.experiment import Problem
from fnnet.runs.settings import Settings
from fnnet.training.reduction import reduction_of
from fnnet.types import Array, Arrays, Layer, Metric, Optimizer, Params, Shapes

DIGEST_EVERY = 50  # steps between two digests of the params
EVALUATION_BATCH = 256  # examples; part of what makes bytes repeat

Examples: TypeAlias = tuple[Arrays, Arrays]  # (x, target)
Batches: TypeAlias = Callable[
    [rng.Key, int], Iterable[tuple[Array, ...]]
]  # (key of an epoch, batches to leave out) -> the rest
Row: TypeAlias = dict[str, Any]  # a line of steps.jsonl or metrics.jsonl

ACCURACY: Mapping[str, Metric] = {"accuracy": metrics.accuracy}


@attrs.frozen(eq=False)
class Plan:
    """What is trained, on what, how long, and what is measured on the way.

    Args:
        net, loss, optimizer: see `fnnet.training.make_step`.
        shape: of one example.
        batches: makes the batches of an epoch from its key.
        epochs: how many.
        held_out: name -> examples to evaluate the net on after an epoch, giving `name_loss` and `name_…` by metric.
        metrics: by name, of every batch and of what is held out.
        evaluate_every: epochs between two evaluations; the last is always followed by one.
        patience: evaluations without a better `validation_loss` before the run ends; None for all epochs.
        batch_count: steps in an epoch; None where only going through it tells.
        evaluated: the net that is evaluated, with the same params; None for `net` itself.
        micro_batch, team: see `fnnet.training.make_step`; all of a team train and evaluate together.
    """

    net: Layer
    loss: Loss
    optimizer: Optimizer
    shape: Shapes
    batches: Batches
    epochs: int
    held_out: Mapping[str, Examples]
    metrics: Mapping[str, Metric] = ACCURACY
    evaluate_every: int = 1
    patience: int | None = None
    batch_count: int | None = None
    evaluated: Layer | None = None
    micro_batch: int | None = None
    team: Team = attrs.field(factory=alone)


class Position(NamedTuple):
    """Where a training stands: a tree, and all that going on needs besides the plan.

    Args:
        state: see `fnnet.training`.
        epoch: finished epochs.
        batch: batches done in the epoch after those.
        examples: examples in those batches.
        sums: loss and metrics by name, each added up over those examples as they were trained on.
        seconds: time those batches took, training only.
        watch: what early stopping remembers; nothing is looked at without patience.
    """

    state: training.TrainState
    epoch: int
    batch: int
    examples: int
    sums: dict[str, float]
    seconds: float
    watch: training.EarlyStoppingState

    def mean(self, name: str) -> float:
        """Of the loss or a metric over the examples of this epoch so far."""
        return self.sums[name] / self.examples


class Journal(NamedTuple):
    """Who is told, by functions that may write, show or compare.

    Args:
        step: takes the positions before and after a step, and what it measured.
        epoch: takes an epoch's line of metrics.
        save: takes the position to keep for resuming.
        saved: takes the epoch's line again, once all of the epoch is saved.
    """

    step: Callable[[Position, Position, Mapping[str, Any]], None] = lambda before, after, values: None
    epoch: Callable[[Row], None] = lambda row: None
    save: Callable[[Position], None] = lambda position: None
    saved: Callable[[Row], None] = lambda row: None


def never() -> bool:
    """No stop is asked for."""
    return False


def plan(
    problem: Problem, settings: Settings, metrics: Mapping[str, Metric] = ACCURACY, team: Team | None = None
) -> Plan:
    """How an experiment trains: shuffled batches, metrics looked at after every epoch.

    Each of a team reads its own rows of a batch; all of them where what changes a batch draws for all of it.
    """
    size, remainder, augment = settings.batch_size, problem.remainder, problem.augment
    own, readers = team or alone(), team if augment is None else None

    def batches(key: rng.Key, start: int) -> Iterable[tuple[Arrays, ...]]:
        found = data.batches(key, problem.train, size, remainder, start, micro_batch=settings.micro_batch, team=readers)
        return found if augment is None else data.augmented(rng.fold_in(key, "augment"), found, augment, start)

    return Plan(
        problem.net,
        problem.loss,
        problem.optimizer,
        problem.shape,
        batches,
        settings.epochs,
        problem.held_out,
        metrics,
        patience=settings.patience,
        batch_count=data.batch_count(problem.sizes["train"], size, remainder),
        evaluated=problem.evaluated,
        micro_batch=settings.micro_batch,
        team=own,
    )


def start(plan: Plan, seed: int) -> Position:
    """The position before the first step."""
    return position(plan, training.init(plan.net, plan.optimizer, rng.key(seed), plan.shape))


def position(plan: Plan, state: training.TrainState, epoch: int = 0) -> Position:
    """The position of a state after so many whole epochs."""
    watch = training.EarlyStoppingState(params=None if plan.patience is None else state.params)
    return Position(state, epoch, 0, 0, _zeros(plan), 0.0, watch)


def _zeros(plan: Plan) -> dict[str, float]:
    return dict.fromkeys(("loss", *plan.metrics), 0.0)


def is_over(plan: Plan, position: Position) -> bool:
    """Whether training ends here: after its last epoch, or because early stopping says so."""
    if plan.patience is not None and training.patience(plan.patience)(position.watch):
        return True
    return position.epoch >= plan.epochs


def trained(position: Position) -> Params:
    """The params of a training that ends here: the last, or with early stopping the best of those looked at."""
    return position.watch.params if position.watch.evaluations else position.state.params


def order(position: Position) -> rng.Key:
    """The key that names the order of the examples in the current epoch."""
    return rng.fold_in(rng.fold_in(position.state.key, "shuffle"), position.epoch)


def next_epoch(plan: Plan, position: Position) -> Position:
    """The same place, seen as the beginning of the next epoch."""
    return position._replace(epoch=position.epoch + 1, batch=0, examples=0, sums=_zeros(plan), seconds=0.0)


def steps(plan: Plan, position: Position) -> Iterator[tuple[Position, Mapping[str, Any]]]:
    """The steps to the end of the current epoch, each with the position after it and what it measured.

    Losses in a position's sums are per example, also where the loss adds up over a batch.
    """
    step = training.make_step(
        plan.net, plan.loss, plan.optimizer, plan.metrics, micro_batch=plan.micro_batch, team=plan.team
    )
    added = {"loss"} if reduction_of(plan.loss) == "sum" else set()
    clock = time.perf_counter()
    for batch in plan.batches(order(position), position.batch):
        state, values = step(position.state, batch)
        n = batch.of if isinstance(batch, Portion) else count(batch[0])
        now = time.perf_counter()
        position = position._replace(
            state=state,
            batch=position.batch + 1,
            examples=position.examples + n,
            sums={name: sum + values[name] * (1 if name in added else n) for name, sum in position.sums.items()},
            seconds=position.seconds + now - clock,
        )
        clock = now
        yield position, values


def run(
    plan: Plan,
    position: Position,
    journal: Journal = Journal(),
    stop: Callable[[], bool] = never,
    save_every: float = math.inf,
) -> Position:
    """Train from `position` to the end, or to the step at which `stop()` is true, and return where that is.

    Args:
        plan: what to train.
        position: from `start`, or a saved one.
        journal: whom to tell.
        stop: asked after every step; all of a team have to hear the same.
        save_every: seconds between two saved positions inside an epoch; the end of an epoch is always saved.

    Raises:
        NonFiniteError: NaN or infinity, in a step or in an evaluation; the position before has been saved.
    """
    saved = time.monotonic()
    while not is_over(plan, position):
        try:
            for after, values in steps(plan, position):
                journal.step(position, after, values)
                position = after
                ended = stop()
                if position.batch != plan.batch_count and (ended or time.monotonic() - saved > save_every):
                    journal.save(position)
                    saved = time.monotonic()
                    if ended:
                        return position
            after, row = finish_epoch(plan, position)
        except NonFiniteError:
            journal.save(position)
            raise
        position = after
        journal.epoch(row)
        journal.save(position)
        journal.saved(row)
        saved = time.monotonic()
        if stop():
            return position
    return position


def finish_epoch(plan: Plan, position: Position) -> tuple[Position, Row]:
    """The position at the beginning of the next epoch, and the line of metrics for this one.

    Training loss and metrics are means over the epoch, of every batch just before its update; those of what is held
    out are of the net after the last. Early stopping looks at the validation loss, never at the test set.

    Raises:
        NonFiniteError: a loss is NaN or infinite.
    """
    clock, number = time.perf_counter(), position.epoch + 1
    row = {
        "epoch": number,
        "step": position.state.step,
        **{f"train_{name}": position.mean(name) for name in position.sums},
        "seconds": position.seconds,
        "examples_per_second": position.examples / position.seconds,
    }
    if number % plan.evaluate_every == 0 or number == plan.epochs:
        for part in plan.held_out:
            row |= evaluate(plan, position, part)
        row["look_seconds"] = time.perf_counter() - clock
    watch = position.watch
    if plan.patience is not None:
        stream, rule = [(position.state, row)], training.patience(plan.patience)
        ((_, _, watch),) = training.early_stopping(stream, rule, by="validation_loss", memory=watch)
    return next_epoch(plan, position)._replace(watch=watch), row


def evaluate(plan: Plan, position: Position, part: str) -> dict[str, float]:
    """Loss, per example, and metrics of the net as it stands on what is held out.

    Raises:
        NonFiniteError: the loss is NaN or infinite.
    """
    at = f"after epoch {position.epoch + 1}, step {position.state.step - 1}: the {part} loss"
    net = plan.evaluated or plan.net
    found = measured(net, position.state.params, plan.held_out[part], plan.metrics, plan.loss, at, plan.team)
    return {f"{part}_{name}": value for name, value in found.items()}


def measured(
    net: Layer,
    params: Params,
    examples: Examples,
    metrics: Mapping[str, Metric],
    loss: Loss,
    what: str,
    team: Team | None = None,
) -> dict[str, Any]:
    """The loss, per example, and metrics of a net in evaluation.

    Args:
        net, params, examples, metrics, loss, team: see `fnnet.training.evaluate`.
        what: the loss is called in a message.

    Raises:
        NonFiniteError: the loss is NaN or infinite.
    """
    with np.errstate(all="ignore"):  # what comes of it is looked at below
        found = training.evaluate(net, params, examples, metrics, loss, EVALUATION_BATCH, team=team)
    if not math.isfinite(found["loss"]):
        raise NonFiniteError(f"{what} is {found['loss']}, although all params are finite")
    if reduction_of(loss) == "sum":
        found["loss"] /= count(examples[0])
    return found


def step_row(before: Position, values: Mapping[str, Any]) -> Row:
    """A line of steps.jsonl: the step, counted from 0, its loss, and every so often digests of the params before it."""
    row = {"step": before.state.step, "loss": values["loss"]}
    return row if row["step"] % DIGEST_EVERY else {**row, "digests": digests(before.state.params)}


def digests(params: Params) -> dict[str, str]:
    """A digest of every leaf, statistics and frozen ones too.

    >>> digests({"bias": np.zeros(2, np.float32)})
    {'bias': 'ca08ea5bca49cc18'}
    """
    return {path: blake2b(tree.array(leaf), digest_size=8).hexdigest() for path, leaf in tree.items(params)}
