"""Where NaN and infinity come from: a step of training made again until the first one appears."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from fnnet import tree
from fnnet.arrays import Arrays, places
from fnnet.errors import FnnetError
from fnnet.losses import Loss
from fnnet.optim import apply_updates
from fnnet.rng import Key
from fnnet.training.micro_batches import in_training, parts
from fnnet.training.reduction import loss_of
from fnnet.training.sharpness_aware import sharpened
from fnnet.training.sizes import Sizes, sizes
from fnnet.training.state import Batch, TrainState, step_key, x_target_weight
from fnnet.training.watched import Event, watched_by
from fnnet.types import Array, Layer, Optimizer, Params, Target


def first_non_finite(
    net: Layer,
    loss: Loss,
    optimizer: Optimizer,
    state: TrainState,
    batch: Batch,
    micro_batch: int | None = None,
    radius: float | None = None,
) -> str:
    """Make the step from `state` on `batch` again and say where the first NaN or infinity appears.

    Raises:
        FnnetError: everything is finite.
    """
    with np.errstate(all="ignore"):
        found = next(_faults(net, loss, optimizer, state, batch, micro_batch, radius), None)
    if found is None:
        raise FnnetError(f"step {state.step}: made again, everything is finite; a function of the net is not pure")
    return f"step {state.step}: NaN or infinity: {found}"


def _faults(
    net: Layer,
    loss: Loss,
    optimizer: Optimizer,
    state: TrainState,
    batch: Batch,
    micro_batch: int | None,
    radius: float | None,
) -> Iterator[str]:
    """Whatever is not finite, in the order of the computation."""
    x, target, weight = x_target_weight(batch)
    for name, structure in (("x", x), ("target", target)):
        for what, given in places(structure, name):
            if isinstance(given, np.ndarray) and not sizes(given).finite:
                yield f"{what} of the batch holds {_bad(sizes(given))}; clean the data"
    yield from _bad_leaves(state.params, "the params already hold {bad} at {path}")

    key = step_key(state)
    yield from _on_the_way(net, loss, state.params, key, (x, target, weight), micro_batch)

    _, grads, _ = sharpened(in_training(net, loss, micro_batch, key), radius)(state.params, x, target, weight)
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
    batch: tuple[Arrays, Target, Array | None],
    micro_batch: int | None,
) -> Iterator[str]:
    """Faults between the params and their gradient: of a layer, forward or backward, or of the loss."""
    events: list[Event] = []
    watched = watched_by(events.append, net)
    if micro_batch is None:
        made, of_part = iter([(watched.train(key), *batch)]), loss
    else:
        made, of_part = parts(watched, key, *batch, micro_batch), partial(loss, reduction="sum")
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
