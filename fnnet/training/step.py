"""`make_step`: one step of training as a pure function of state and batch."""

import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

import attrs
import numpy as np

from fnnet.arguments import real, shown, whole
from fnnet.arrays import Arrays
from fnnet.errors import ConfigError, NonFiniteError, expected
from fnnet.losses import Loss
from fnnet.optim.descend import descend, look_over
from fnnet.parallel import Team
from fnnet.parallel.team import check_team
from fnnet.recipe import factory
from fnnet.training.ends import check_end
from fnnet.training.evaluate import a_number, metric_of, named_metrics
from fnnet.training.held import Held
from fnnet.training.micro_batches import in_training
from fnnet.training.non_finite import first_non_finite
from fnnet.training.reduction import reduction_of
from fnnet.training.rows import OwnRows, own_rows, rows_of_all
from fnnet.training.sharpness_aware import sharpened
from fnnet.training.state import Batch, TrainState, step_key
from fnnet.types import Layer, Measured, Metric, Optimizer, Params, check_loss, check_net, check_optimizer

Metrics: TypeAlias = dict[str, Measured]  # "loss" and whatever was asked for
Step: TypeAlias = Callable[[TrainState, Batch], tuple[TrainState, Metrics]]


def _other(batch: object) -> str:
    """What to do where no state came in its place."""
    return "the order is (state, batch)" if isinstance(batch, TrainState) else "make the first with training.init"


@factory
def make_step(
    net: Layer,
    loss: Loss,
    optimizer: Optimizer,
    metrics: Mapping[str, Metric] | None = None,
    *,
    micro_batch: int | None = None,
    workers: int = 1,
    team: Team | None = None,
    sharpness: float | None = None,
) -> Step:
    """The function `step(state, batch) -> (state, metrics)` that trains `net` on one batch.

        net' = net.train(fold_in(fold_in(state.key, "train"), state.step))
        g = ∇ loss(net'(x), target),    updates, opt_state = optimizer.update(g, …),    params + updates

    A batch is `(x, target)` or, with weights of its examples, `(x, target, weight)`.
    It writes to nothing it is given, and equal states and batches give equal bytes. Metrics are those of the training
    net on this batch, before the update: the dict `{"loss": …}` with one entry for each of `metrics`.

    Args:
        net: the net to train.
        loss: `(predictions, target) -> (value, vjp)`, see `fnnet.losses`.
        optimizer: see `fnnet.optim`.
        metrics: name -> `(predictions, target) -> value`, see `fnnet.metrics`.
        micro_batch: examples pulled back at once, to save memory; by default the whole batch, see `micro_batches`.
        workers: micro-batches at a time, to save time.
        team: the processes that share out the micro-batches of every batch, such as `parallel.mpi()`; all make the same
            steps and hold the same state, whose bytes do not depend on their number. A batch is the whole one, or this
            worker's rows of it, as `data.batches(…, micro_batch=, team=)` reads them. The predictions are gathered for
            `metrics`. Every 100 steps all compare their states.
        sharpness: ρ > 0 takes the gradient at the worst point of this radius, see `sharpness_aware`; two gradients a
            step.

    Raises:
        ConfigError: an option is out of its range, there are workers without a `micro_batch` to share out, or the net
            ends with a layer that the loss contains.

    Raises (the step):
        NonFiniteError: the loss, a gradient or a new param is NaN or infinite. The step is then made again layer by
            layer, and the message says where such a number appeared first. The state stays good.
        WorkerError: one of the team failed, or their states or batches differ; on all of them.

    >>> import numpy as np
    >>> from fnnet import layers, losses, optim, rng, training
    >>> net, optimizer = layers.dense(1), optim.sgd(0.1)
    >>> step = make_step(net, losses.squared_error, optimizer)
    >>> state, metrics = step(training.init(net, optimizer, rng.key(0), (1,)), (np.float32([[2]]), np.float32([[4]])))
    >>> state.step, sorted(metrics)
    (1, ['loss'])
    """
    check_end(check_net(net), check_loss(loss))
    check_optimizer(optimizer)
    functions = named_metrics(metrics)
    size = None if micro_batch is None else whole("micro_batch", micro_batch, 1)
    own_team = check_team(team)
    if max(whole("workers", workers, 1), own_team.size) > 1 and size is None:
        fix = "say how large a part is, such as the batch divided by workers"
        raise ConfigError(
            expected(
                "micro_batch", f"a number of examples for each of {max(workers, own_team.size)} workers", "None", fix
            )
        )
    radius = None if sharpness is None else real("sharpness", sharpness, 0, open="(")
    if size is not None:
        reduction_of(loss)  # which has to be known to put parts together

    def measured(predictions: Arrays, rows: OwnRows) -> Metrics:
        if not functions:
            return {}
        predictions, target, weight = rows_of_all(own_team, predictions, rows)
        return {
            name: a_number(name, metric_of(function, predictions, target, weight))
            for name, function in functions.items()
        }

    def pulled_back(state: TrainState, batch: Batch) -> tuple[OwnRows, float, list[Params], Arrays]:
        if not isinstance(state, TrainState):
            raise ConfigError(expected("state", "a TrainState", shown(state), _other(batch)))
        rows = own_rows(batch, size, own_team, state)
        gradient = sharpened(in_training(net, loss, size, step_key(state), workers, own_team, rows.of), radius)
        value, *grads, predictions = gradient(state.params, *rows[:3])
        return rows, value, grads, predictions

    def check(good: bool, value: float, state: TrainState, rows: OwnRows) -> None:
        if not (good and math.isfinite(value)):
            raise NonFiniteError(first_non_finite(net, loss, optimizer, state, rows, size, radius, own_team))

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        with np.errstate(all="ignore"):  # what comes of it is looked at below
            rows, value, grads, predictions = pulled_back(state, batch)
            params, opt_state, good = descend(optimizer, grads, state.opt_state, state.params)
        check(good, value, state, rows)
        made = TrainState(state.step + 1, params, opt_state, state.key)
        return made, {"loss": value, **measured(predictions, rows)}

    def advance(held: Held, batch: Batch) -> None:
        with np.errstate(all="ignore"):
            rows, value, grads, predictions = pulled_back(held.state, batch)
            own = held.alone()
            state = held.state
            ahead = look_over(optimizer, grads, state.opt_state, state.params, own)
        check(ahead.good, value, state, rows)
        metrics = {"loss": value, **measured(predictions, rows)}

        def write() -> TrainState:
            with np.errstate(all="ignore"):
                return TrainState(state.step + 1, *ahead.write(), state.key)

        if own:
            held.overwrite(write, metrics)
        else:
            held.put(write(), metrics)

    return Stepping(step, advance)


@attrs.frozen(eq=False)
class Stepping:
    """A step as a function of a value, and the same for a loop that gives its state up.

    Args:
        step: `(state, batch) -> (state, metrics)`.
        advance: takes what a loop holds on to the next state, to the same bytes.
    """

    step: Step
    advance: Callable[[Held, Batch], None]

    def __call__(self, state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        """The next state, and what was measured."""
        return self.step(state, batch)
