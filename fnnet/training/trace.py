"""`trace`: one step of training made again, layer by layer, to see how large everything gets."""

from typing import Any, NamedTuple

import numpy as np

from fnnet import tree
from fnnet.losses import Loss
from fnnet.training.reduction import cotangent_of, loss_of
from fnnet.training.sizes import Sizes, sizes_together
from fnnet.training.state import TrainState, step_key, x_target_weight
from fnnet.training.watched import Event, watched_by
from fnnet.types import Layer, Optimizer, check_net
from fnnet.walk import at


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
    A layer that is applied several times has a row for each, with its params and their whole gradient in all.
    A layer's own params are found by its path; a combinator that does not say what is inside it counts as one layer.

    Args:
        net, loss, optimizer: as for `make_step`.
        state: before the step.
        batch: `(x, target)` or `(x, target, weight)`.

    >>> from fnnet import layers, losses, optim, rng, training
    >>> net, optimizer = layers.serial(layers.dense(4), layers.relu(), layers.dense(2)), optim.sgd(0.1)
    >>> state = training.init(net, optimizer, rng.key(0), (3,))
    >>> batch = np.ones((5, 3), np.float32), np.arange(5) % 2
    >>> rows = trace(net, losses.softmax_cross_entropy, optimizer, state, batch)
    >>> [(row.path, row.output.size, row.output.dead, row.gradient and row.gradient.size) for row in rows]
    [('dense_0', 20, 0, 16), ('relu_0', 20, 2, None), ('dense_1', 10, 0, 10)]
    """
    check_net(net)
    x, target, weight = x_target_weight(batch)
    forward: list[Event] = []
    backward: dict[int, Event] = {}  # by the call that is pulled back

    def see(event: Event) -> None:
        if event.direction == "forward":
            forward.append(event)
        else:
            backward[id(event.call)] = event

    with np.errstate(all="ignore"):
        y, pullback = watched_by(see, net).train(step_key(state)).apply(state.params, x)
        _, loss_pullback = loss_of(loss, y, target, weight)
        grads, _ = pullback(cotangent_of(loss, loss_pullback, y), input_gradient=False)
        updates, _ = optimizer.update(grads, state.opt_state, state.params)

    def row(event: Event) -> LayerTrace:
        back = backward.get(id(event))
        assert event.made is not None  # a forward pass makes y
        return LayerTrace(
            event.path,
            event.kind,
            event.given,
            event.made,
            back.given if back else None,
            back.made if back else None,
            *(sizes_together(_trained(at(whole, event.path))) for whole in (state.params, grads, updates)),
        )

    return tuple(row(event) for event in forward)


def _trained(own: Any) -> list[Any]:
    return [leaf for leaf in tree.leaves(own) if leaf is tree.array(leaf)]
