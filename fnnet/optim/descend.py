"""`descend`: `update` and `apply_updates` at once, as a step of training makes them."""

from typing import Any

import numpy as np

from fnnet import tree
from fnnet.optim import sweep
from fnnet.optim.apply_updates import apply_updates
from fnnet.optim.chain import Chain
from fnnet.optim.leaves import finite_leaf
from fnnet.types import Optimizer, Params


def descend(optimizer: Optimizer, grads: Params, state: Any, params: Params) -> tuple[Params, Any, bool]:
    """`(params, state, good)`: the next params and state, and whether gradients and next params are finite.

        updates, state = optimizer.update(grads, state, params),    params = apply_updates(params, updates)

    to the byte. A chain of parts goes over memory once: of P bytes of params, plain momentum reads P, gradients and
    velocity and writes new params and velocity, 5 P in all, where updates kept and read again and a second look at
    gradients and params would make it 9 P. For any other optimizer it is these two calls.

    >>> from fnnet import optim
    >>> optimizer = optim.sgd(0.5)
    >>> params, grads = (np.zeros(2),), (np.array([1.0, -2.0]),)
    >>> descend(optimizer, grads, optimizer.init(params), params)
    ((array([-0.5,  1. ]),), (ScaleByLearningRate(steps=1),), True)
    """
    update = optimizer.update
    if isinstance(update, Chain) and update.is_sweep:
        update.check(state)
        return sweep.descend(update.groups[0][0], grads, state, params)
    updates, state = update(grads, state, params)
    params = apply_updates(params, updates)
    return params, state, finite(grads) and finite(params)


def finite(params: Params) -> bool:
    """Whether a tree like params holds neither NaN nor infinity; frozen leaves are not looked at."""
    with np.errstate(all="ignore"):
        return all(map(finite_leaf, tree.leaves(params)))
