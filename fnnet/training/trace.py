"""`trace`: one step of training made again, layer by layer, to see how large everything gets and where it breaks."""

import math
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

import attrs
import numpy as np

from fnnet import tree
from fnnet.errors import FnnetError
from fnnet.losses import Loss
from fnnet.optim import apply_updates
from fnnet.training.micro_batches import in_training, parts
from fnnet.training.state import TrainState, step_key, x_and_target
from fnnet.types import Array, Layer, Optimizer, Params, Pullback
from fnnet.walk import at, replace


class Sizes(NamedTuple):
    """How large the numbers of an array (or of a layer's arrays together) are.

    Args:
        size: numbers.
        nan: of these, NaN.
        infinite: of these, infinite.
        low: least of the finite ones; NaN where there is none.
        high: greatest of the finite ones.
        rms: root of the mean square of the finite ones.
        units: features or channels (axis 1); 0 where there is no such axis.
        dead: units that are zero for every example of the batch.
    """

    size: int
    nan: int
    infinite: int
    low: float
    high: float
    rms: float
    units: int = 0
    dead: int = 0

    @property
    def finite(self) -> bool:
        """Whether all are."""
        return not (self.nan or self.infinite)


class LayerTrace(NamedTuple):
    """What one step of training made of one layer; None where there is nothing, as in a layer without params.

    Args:
        path: where its params stand, as in `tree.paths`; "" where the net is this one layer.
        kind: the layer's name.
        input: x.
        output: y.
        output_gradient: the cotangent of y; None where none was asked for, in front of the first layer that learns.
        input_gradient: the cotangent of x; None where none was asked for.
        params: trained leaves before the step.
        gradient: of those.
        update: what the optimizer adds to them.
    """

    path: str
    kind: str
    input: Sizes
    output: Sizes
    output_gradient: Sizes | None
    input_gradient: Sizes | None
    params: Sizes | None
    gradient: Sizes | None
    update: Sizes | None


def trace(net: Layer, loss: Loss, optimizer: Optimizer, state: TrainState, batch: Any) -> tuple[LayerTrace, ...]:
    """Make the step from `state` on `batch` again and measure every layer, in the order in which they are applied.

    The same layers compute the same numbers as in `make_step`, whole batch at once; nothing is kept but their sizes.
    A layer's own params are found by its path; a combinator that does not say what is inside it counts as one layer.

    Args:
        net, loss, optimizer: as for `make_step`.
        state: before the step.
        batch: `(x, target)`.

    >>> from fnnet import layers, losses, optim, rng, training
    >>> net, optimizer = layers.serial(layers.dense(4), layers.relu(), layers.dense(2)), optim.sgd(0.1)
    >>> state = training.init(net, optimizer, rng.key(0), (3,))
    >>> batch = np.ones((5, 3), np.float32), np.arange(5) % 2
    >>> rows = trace(net, losses.softmax_cross_entropy, optimizer, state, batch)
    >>> [(row.path, row.output.size, row.output.dead, row.gradient and row.gradient.size) for row in rows]
    [('dense_0', 20, 0, 16), ('relu_0', 20, 2, None), ('dense_1', 10, 0, 10)]
    """
    x, target = x_and_target(batch)
    forward: list[_Event] = []
    backward: dict[str, _Event] = {}

    def see(event: _Event) -> None:
        if event.direction == "forward":
            forward.append(event)
        else:
            backward[event.path] = event

    with np.errstate(all="ignore"):
        y, pullback = _watched(net, see).train(step_key(state)).apply(state.params, x)
        _, loss_pullback = loss(y, target)
        grads, _ = pullback(loss_pullback(1.0), input_gradient=False)
        updates, _ = optimizer.update(grads, state.opt_state, state.params)

    def row(event: _Event) -> LayerTrace:
        back = backward.get(event.path)
        assert event.made is not None  # a forward pass makes y
        return LayerTrace(
            event.path,
            event.kind,
            event.given,
            event.made,
            back.given if back else None,
            back.made if back else None,
            *(_together(_trained(at(whole, event.path))) for whole in (state.params, grads, updates)),
        )

    return tuple(row(event) for event in forward)


def first_non_finite(
    net: Layer, loss: Loss, optimizer: Optimizer, state: TrainState, batch: Any, micro_batch: int | None = None
) -> str:
    """Make the step from `state` on `batch` again and say where the first NaN or infinity appears.

    Raises:
        FnnetError: everything is finite.
    """
    x, target = x_and_target(batch)
    with np.errstate(all="ignore"):
        found = next(_faults(net, loss, optimizer, state, x, target, micro_batch), None)
    if found is None:
        raise FnnetError(f"step {state.step}: made again, everything is finite; a function of the net is not pure")
    return f"step {state.step}: NaN or infinity: {found}"


def _faults(
    net: Layer, loss: Loss, optimizer: Optimizer, state: TrainState, x: Array, target: Any, micro_batch: int | None
) -> Iterator[str]:
    """Whatever is not finite, in the order of the computation."""
    for what, given in (("x", x), ("target", target)):
        if isinstance(given, np.ndarray) and not sizes(given).finite:
            yield f"{what} of the batch holds {_bad(sizes(given))}; clean the data"
    yield from _bad_leaves(state.params, "the params already hold {bad} at {path}")

    events: list[_Event] = []
    key, watched = step_key(state), _watched(net, events.append)
    made = [(watched.train(key), x, target)] if micro_batch is None else parts(watched, key, x, target, micro_batch)
    for trained, own_x, own_target in made:
        y, pullback = trained.apply(state.params, own_x)
        yield from (_told(net, event) for event in events if not event.finite)
        value, loss_pullback = loss(y, own_target)
        dy = loss_pullback(1.0)
        if not np.isfinite(value):
            yield f"the loss of predictions in {_range(sizes(y))} is {value}"
        if not sizes(dy).finite:
            yield f"the gradient of the loss by predictions in {_range(sizes(y))} holds {_bad(sizes(dy))}"
        events.clear()
        pullback(dy, input_gradient=False)
        yield from (_told(net, event) for event in events if not event.finite)
        events.clear()

    _, grads, _ = in_training(net, loss, micro_batch, key)(state.params, x, target)
    yield from _bad_leaves(grads, "the gradient holds {bad} at {path}")
    updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
    yield from _bad_leaves(updates, "the optimizer's update holds {bad} at {path}, though the gradient is finite")
    params = apply_updates(state.params, updates)
    yield from _bad_leaves(params, "adding the update overflows: {bad} at {path}")
    words = "the optimizer's state overflows: {bad} at {path}, though the gradient is finite; clip gradients in front"
    yield from _bad_leaves(opt_state, words)


def _bad_leaves(params: Params, words: str) -> Iterator[str]:
    for path, leaf in tree.items(params):
        if not isinstance(tree.array(leaf), np.ndarray):
            continue  # a count
        found = sizes(tree.array(leaf))
        if not found.finite:
            yield words.format(bad=_bad(found), path=path)


@attrs.frozen
class _Event:
    """One call of one layer: `given` x made y (forward), or `given` dy made dx and `grads` (backward)."""

    path: str
    kind: str
    direction: Literal["forward", "backward"]
    given: Sizes
    made: Sizes | None  # None where no dx was asked for
    grads: Sizes | None = None

    @property
    def finite(self) -> bool:
        return all(found is None or found.finite for found in (self.made, self.grads))


def _watched(net: Layer, see: Callable[[_Event], None]) -> Layer:
    """The same net, every innermost layer telling what it is given and what it makes of it."""

    def watch(path: str, layer: Layer) -> Layer:
        def forward(params: Params, x: Array) -> tuple[Array, Pullback]:
            y, pullback = layer._apply(params, x)
            see(_Event(path, layer.name, "forward", sizes(x), sizes(y)))

            def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Any]:
                dparams, dx = pullback(dy, input_gradient)
                made = None if dx is None else sizes(dx)
                grads = _together([leaf for leaf in tree.leaves(dparams) if not isinstance(leaf, tree.Frozen)])
                see(_Event(path, layer.name, "backward", sizes(dy), made, grads))
                return dparams, dx

            return y, vjp

        sample = layer._train
        again = None if sample is None else lambda key: watch(path, sample(key))
        return attrs.evolve(layer, apply=forward, train=again)

    return replace(watch, net)


def _told(net: Layer, event: _Event) -> str:
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


def sizes(array: Array) -> Sizes:
    """The sizes of one array; axis 1 holds its units.

    >>> sizes(np.array([[0.0, 3.0], [0.0, -4.0], [0.0, np.inf]]))
    Sizes(size=6, nan=0, infinite=1, low=-4.0, high=3.0, rms=2.23606797749979, units=2, dead=1)
    """
    found = _sizes([array])
    if array.ndim < 2:
        return found
    used = (array != 0).any(axis=tuple(axis for axis in range(array.ndim) if axis != 1))
    return found._replace(units=used.size, dead=int(used.size - used.sum()))


def _together(leaves: list[Any]) -> Sizes | None:
    """The sizes of a layer's leaves taken together, None where it has none."""
    return _sizes([tree.array(leaf) for leaf in leaves]) if leaves else None


def _sizes(arrays: list[Array]) -> Sizes:
    flat = np.concatenate([array.ravel() for array in arrays]).astype(np.float64)
    nan = int(np.isnan(flat).sum())
    good = flat[np.isfinite(flat)]
    if not good.size:
        return Sizes(flat.size, nan, flat.size - nan, math.nan, math.nan, math.nan)
    rms = math.sqrt(np.square(good).mean())
    return Sizes(flat.size, nan, flat.size - nan - good.size, float(good.min()), float(good.max()), rms)


def _trained(own: Any) -> list[Any]:
    return [leaf for leaf in tree.leaves(own) if leaf is tree.array(leaf)]
