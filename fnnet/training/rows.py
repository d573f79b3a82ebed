"""What one worker of a team reads of a batch: all of it where it is alone."""

from typing import NamedTuple

import numpy as np

from fnnet import parallel
from fnnet.arguments import example_weights
from fnnet.arrays import Arrays, count, length, rows
from fnnet.errors import DataError, WorkerError, expected
from fnnet.parallel.arrays import behind_each_other, check_digests, tree_digest
from fnnet.parallel.portion import Portion, own_examples
from fnnet.parallel.team import together, worker_name
from fnnet.training.state import Batch, TrainState, x_target_weight
from fnnet.types import Array, Target

COMPARED = 100  # steps from one comparison of the states of all workers to the next


class OwnRows(NamedTuple):
    """The examples of a batch that a worker reads, and for one of several how many there are for all."""

    x: Arrays
    target: Target
    weight: Array | None
    of: int | None = None


def own_rows(batch: Batch, size: int | None, team: parallel.Team, state: TrainState) -> OwnRows:
    """A worker's rows of a batch, which is a whole one or, from `data.batches(…, team=)`, those rows already.

    Raises:
        DataError: what came is no batch, or (a team of one) it is a portion of one.
        DataError (on all workers): all weights are 0.
        WorkerError (on all): one of several found something wrong, or their batches or states differ.
    """
    if team.size == 1 or size is None:
        x, target, weight = x_target_weight(batch)
        return OwnRows(x, target, weight)
    compared = state.step % COMPARED == 0
    own, told = together(
        team,
        lambda: _portion(batch, size, team),
        lambda made: (state.step, made.of, tree_digest(state) if compared else "", _weighs(made.weight)),
    )
    for rank, (step, of, *_) in enumerate(told):
        for what, number, first in (("step", step, told[0][0]), ("examples in the batch", of, told[0][1])):
            if number != first:
                where = f"{worker_name(team, rank)}: {what}"
                raise WorkerError(expected(where, f"{first}, as on worker 1", number, "let all make the same calls"))
    check_digests(team, f"state at step {state.step}", [found for _, _, found, _ in told])
    if not any(weighs for *_, weighs in told):
        raise DataError(expected("weight", "some above 0", f"{own.of} zeros", "leave such batches out"))
    return own


def rows_of_all(team: parallel.Team, predictions: Arrays, own: OwnRows) -> tuple[Arrays, Target, Array | None]:
    """Predictions, targets and weights of the whole batch, on all workers."""
    weight = None if own.weight is None else behind_each_other(team, own.weight)
    return behind_each_other(team, predictions), behind_each_other(team, own.target), weight


def _weighs(weight: Array | None) -> bool:
    return weight is None or bool(weight.any())


def _portion(batch: Batch, size: int, team: parallel.Team) -> OwnRows:
    if not isinstance(batch, Portion):
        x, target, weight = x_target_weight(batch)
        n = length((x, target))
        own = own_examples(n, size, team)
        return OwnRows(rows(x, own), rows(target, own), None if weight is None else weight[own], n)
    if batch.fault is not None:
        raise batch.fault
    x, target, *weights = batch
    wanted = len(range(*own_examples(batch.of, size, team).indices(batch.of)))
    if count(x) != wanted:
        fix = "give data.batches and make_step the same micro_batch and team"
        raise DataError(expected("batch", f"{wanted} of its {batch.of} examples", count(x), fix))
    weight = None if not weights else example_weights(weights[0], wanted) if wanted else np.empty(0)
    return OwnRows(x, target, weight, batch.of)
