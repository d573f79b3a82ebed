"""Where NaN and infinity come from: a step of training made again until the first one appears."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from fnnet import tree
from fnnet.arrays import places
from fnnet.errors import FnnetError
from fnnet.losses import Loss
from fnnet.optim import apply_updates
from fnnet.parallel import Team, alone
from fnnet.parallel.portion import own_examples
from fnnet.parallel.team import together
from fnnet.rng import Key
from fnnet.training.micro_batches import in_training, parts
from fnnet.training.reduction import loss_of
from fnnet.training.rows import OwnRows
from fnnet.training.sharpness_aware import sharpened
from fnnet.training.sizes import Sizes, sizes
from fnnet.training.state import TrainState, step_key
from fnnet.training.value_and_grad import Gradient
from fnnet.training.watched import Event, watched_by
from fnnet.types import Layer, Optimizer, Params


def first_non_finite(
    net: Layer,
    loss: Loss,
    optimizer: Optimizer,
    state: TrainState,
    rows: OwnRows,
    micro_batch: int | None = None,
    radius: float | None = None,
    team: Team = alone(),
) -> str:
    """Make the step from `state` again and say where the first NaN or infinity appears, the same on all workers.

    Raises:
        FnnetError: everything is finite.
    """
    with np.errstate(all="ignore"):
        _, told = together(
            team, lambda: next(_in_rows(net, loss, state, rows, micro_batch, team), None), lambda fault: fault
        )
        found = next((fault for fault in told if fault is not None), None)
        if found is None:
            gradient = sharpened(in_training(net, loss, micro_batch, step_key(state), 1, team, rows.of), radius)
            found = next(_behind(gradient, optimizer, state, rows, radius), None)
    if found is None:
        raise FnnetError(f"step {state.step}: made again, everything is finite; a function of the net is not pure")
    return f"step {state.step}: NaN or infinity: {found}"


def _in_rows(
    net: Layer, loss: Loss, state: TrainState, rows: OwnRows, micro_batch: int | None, team: Team
) -> Iterator[str]:
    """Whatever is not finite in a worker's rows, in the order of the computation, up to the gradient."""
    for name, structure in (("x", rows.x), ("target", rows.target)):
        for what, given in places(structure, name):
            if isinstance(given, np.ndarray) and given.size and not sizes(given).finite:
                yield f"{what} of the batch holds {_bad(sizes(given))}; clean the data"
    yield from _bad_leaves(state.params, "the params already hold {bad} at {path}")
    first = (
        0 if micro_batch is None or rows.of is None else own_examples(rows.of, micro_batch, team).start // micro_batch
    )
    yield from _on_the_way(net, loss, state.params, step_key(state), rows, micro_batch, first)


def _behind(
    gradient: Gradient, optimizer: Optimizer, state: TrainState, rows: OwnRows, radius: float | None
) -> Iterator[str]:
    """Whatever is not finite from the gradient on, where all before is."""
    _, grads, _ = gradient(state.params, rows.x, rows.target, rows.weight)
    where = "" if radius is None else f" at the worst point within {radius:g}"
    yield from _bad_leaves(grads, f"the gradient{where} holds {{bad}} at {{path}}")
    updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
    yield from _bad_leaves(updates, "the optimizer's update holds {bad} at {path}, though the gradient is finite")
    params = apply_updates(state.params, updates)
    yield from _bad_leaves(params, "adding the update overflows: {bad} at {path}")
    words = "the optimizer's state overflows: {bad} at {path}, though the gradient is finite; clip gradients in front"
    yield from _bad_leaves(opt_state, words)


def _on_the_way(
    net: Layer,
    loss: Loss,
    params: Params,
    key: Key,
    rows: OwnRows,
    micro_batch: int | None,
    first: int,
) -> Iterator[str]:
    """Faults between the params and their gradient: of a layer, forward or backward, or of the loss."""
    events: list[Event] = []
    watched = watched_by(events.append, net)
    if micro_batch is None:
        made, of_part = iter([(watched.train(key), *rows[:3])]), loss
    else:
        made, of_part = parts(watched, key, *rows[:3], micro_batch, first), partial(loss, reduction="sum")
    for trained, own_x, own_target, own_weight in made:
        y, pullback = trained.apply(params, own_x)
        yield from (_told(net, event) for event in events if not event.finite)
        value, loss_pullback = loss_of(of_part, y, own_target, own_weight)
        dy = loss_pullback(1.0)
        if not np.isfinite(value):
            yield f"the loss of predictions in {_range(sizes(y))} is {value}"
        if not sizes(dy).finite:
            yield f"the gradient of the loss by predictions in {_range(sizes(y))} holds {_bad(sizes(dy))}"
        events.clear()
        pullback(dy, input_gradient=False)
        yield from (_told(net, event) for event in events if not event.finite)
        events.clear()


def _bad_leaves(params: Params, words: str) -> Iterator[str]:
    for path, leaf in tree.items(params):
        if not isinstance(tree.array(leaf), np.ndarray):
            continue  # a count
        found = sizes(tree.array(leaf))
        if not found.finite:
            yield words.format(bad=_bad(found), path=path)


def _told(net: Layer, event: Event) -> str:
    """`the forward pass of serial > dense_1 makes …`."""
    path = event.path.split(".") if event.path else []
    made = next(found for found in (event.made, event.grads) if found is not None and not found.finite)
    what = "its output" if event.direction == "forward" else "dx" if made is event.made else "its gradients"
    given = "x" if event.direction == "forward" else "dy"
    dead = f", {event.given.dead} of its {event.given.units} units zero in every example" if event.given.units else ""
    return (
        f"first in the {event.direction} pass of {' > '.join([net.name, *path])}: {what} holds {_bad(made)}; "
        f"its {given} is finite, in {_range(event.given)}{dead}; lower the learning rate or clip the gradient"
    )


def _bad(found: Sizes) -> str:
    """`3 NaN and 5 infinite of 640 numbers`."""
    words = [f"{n} {word}" for n, word in ((found.nan, "NaN"), (found.infinite, "infinite")) if n]
    return f"{' and '.join(words)} of {found.size} numbers"


def _range(found: Sizes) -> str:
    return f"[{found.low:.6g}, {found.high:.6g}]"
