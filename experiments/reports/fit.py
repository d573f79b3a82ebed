"""Train a net and write down one row an epoch: what the tasks of most studies share."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from experiments.engine.study import Tell
from fnnet import data, metrics, rng, training
from fnnet.losses import Loss
from fnnet.training import TrainState
from fnnet.training.evaluate import Metric
from fnnet.training.reduction import reduction_of
from fnnet.types import Array, Layer, Optimizer

Arrays: TypeAlias = tuple[Array, Array]
Epoch: TypeAlias = Callable[[rng.Key], Iterable[Arrays]]  # the key of an epoch -> its batches

ACCURACY: Mapping[str, Metric] = {"accuracy": metrics.accuracy}


class Fit(NamedTuple):
    """The state at the end, and one row an epoch."""

    state: TrainState
    rows: list[dict[str, Any]]


def shuffled(arrays: Arrays, size: int, remainder: Literal["keep", "drop", "fill"] = "keep") -> Epoch:
    """Epochs of shuffled batches."""
    return lambda key: ((x, target) for x, target in data.batches(key, arrays, size, remainder))


def fit(
    net: Layer,
    loss: Loss,
    optimizer: Optimizer,
    seed: int,
    epoch: Epoch,
    epochs: int,
    tell: Tell,
    looks: Mapping[str, Arrays],
    measured: Mapping[str, Metric] = ACCURACY,
    start: TrainState | None = None,
    done: int = 0,
    every: int = 1,
    examples: Arrays | None = None,
) -> Fit:
    """Train for so many epochs; a row holds the epoch's mean of the training metrics and those of the looks after it.

    Losses in rows are per example, also where the loss adds up over a batch.

    Randomness is common to all settings of a seed: initial weights by path, order by epoch, dropout by step and path.

    Args:
        net, loss, optimizer: see `fnnet.training.make_step`.
        seed: of everything.
        epoch: makes the batches of one epoch from its key.
        epochs: how many, with those that are done.
        tell: takes the fraction that is done.
        looks: name -> arrays evaluated after an epoch, giving `name_loss` and `name_…` for every metric.
        measured: metrics by name.
        start: where to go on; by default a new state.
        done: epochs behind `start`: the next has the order and the number that it would have without a break.
        every: look only after every so many epochs, and after the last.
        examples: an example batch, for the shape; by default the first of the looks.
    """
    x = (examples or next(iter(looks.values())))[0]
    state = training.init(net, optimizer, rng.key(seed), x.shape[1:]) if start is None else start
    step = training.make_step(net, loss, optimizer, measured)
    added = reduction_of(loss) == "sum"
    order = rng.fold_in(state.key, "shuffle")
    rows: list[dict[str, Any]] = []
    for number in range(done + 1, epochs + 1):
        count, sums = 0, dict.fromkeys(("loss", *measured), 0.0)  # of examples, and over them
        clock = time.perf_counter()
        for batch in epoch(rng.fold_in(order, number - 1)):
            state, values = step(state, batch)
            n = len(batch[0])
            count += n
            for name in sums:
                sums[name] += values[name] * (1 if name == "loss" and added else n)
        row = {"epoch": number, "steps": state.step, "seconds": time.perf_counter() - clock}
        row |= {f"train_{name}": total / count for name, total in sums.items()}
        if number % every == 0 or number == epochs:
            for look, arrays in looks.items():
                row |= looked(net, loss, state, look, arrays, measured)
        rows.append(row)
        tell(number / epochs)
    return Fit(state, rows)


def looked(
    net: Layer, loss: Loss, state: TrainState, look: str, arrays: Arrays, measured: Mapping[str, Metric] = ACCURACY
) -> dict[str, float]:
    """The metrics of one look, by name."""
    values = training.evaluate(net, state.params, arrays, measured, loss, 500)
    if reduction_of(loss) == "sum":
        values["loss"] /= len(arrays[0])
    return {f"{look}_{name}": value for name, value in values.items()}
