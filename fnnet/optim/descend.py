"""`descend`: `update` and `apply_updates` at once, as a step of training makes them."""

from collections.abc import Set

import numpy as np

from fnnet import tree
from fnnet.optim.apply_updates import apply_updates
from fnnet.optim.engine import Ahead, Chain, is_finite_leaf, look_ahead, move
from fnnet.types import Optimizer, OptState, Params


def descend(
    optimizer: Optimizer, grads: list[Params], state: OptState, params: Params
) -> tuple[Params, OptState, bool]:
    """`(params, state, good)`: the next params and state, and whether gradients and both of these are finite.

        updates, state = optimizer.update(grads, state, params),    params = apply_updates(params, updates)

    to the byte. A chain of parts goes over memory once: of P bytes of params, plain momentum reads P, gradients and
    velocity and writes new params and velocity, 5 P in all, where updates kept and read again and a second look at
    gradients and params would make it 9 P. For any other optimizer it is these two calls.

    Args:
        optimizer, state, params: as they are.
        grads: the gradients alone in a list, which is emptied: who keeps them nowhere else has each array's memory back
            as soon as its params are moved.

    >>> from fnnet import optim
    >>> optimizer = optim.sgd(0.5)
    >>> params, grads = (np.zeros(2),), (np.array([1.0, -2.0]),)
    >>> descend(optimizer, [grads], optimizer.init(params), params)
    ((array([-0.5,  1. ]),), (ScaleByLearningRate(steps=1),), True)
    """
    update = optimizer.update
    if isinstance(update, Chain) and update.plan is not None:
        update.check(state)
        return move(update.plan, grads, state, params)
    given = grads.pop()
    updates, state = update(given, state, params)
    params = apply_updates(params, updates)
    return params, state, is_finite(given) and is_finite(params) and _is_finite_state(state)


def look_over(optimizer: Optimizer, grads: list[Params], state: OptState, params: Params, own: Set[int]) -> Ahead:
    """The same move, looked at and still to be made, for a caller who gives arrays up: they may be written over.

    To the byte what `descend` makes. Where the optimizer is no chain of parts it is `descend`, made already.

    Args:
        optimizer, grads, state, params: see `descend`.
        own: the `id` of every array of params and state that nobody else sees.
    """
    update = optimizer.update
    if isinstance(update, Chain) and update.plan is not None:
        update.check(state)
        return look_ahead(update.plan, grads, state, params, own)
    *made, good = descend(optimizer, grads, state, params)
    return Ahead(good, lambda: (made[0], made[1]))


def _is_finite_state(state: OptState) -> bool:
    """Whether the arrays of a state hold neither NaN nor infinity."""
    with np.errstate(all="ignore"):
        return all(is_finite_leaf(leaf) for leaf in tree.leaves(state) if isinstance(leaf, np.ndarray))


def is_finite(params: Params) -> bool:
    """Whether a tree like params holds neither NaN nor infinity; frozen leaves are not looked at."""
    with np.errstate(all="ignore"):
        return all(map(is_finite_leaf, tree.leaves(params)))
