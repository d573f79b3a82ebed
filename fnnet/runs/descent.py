"""Descent on all examples at once, behind the epochs of a training."""

import numpy as np

from fnnet import losses, training, tree
from fnnet.types import Array, Layer, Params


def descended(net: Layer, x: Array, y: Array, steps: int, params: Params) -> Params:
    """Where L-BFGS on the squared error of all points leads to, as float32.

    It goes down in float64: the losses of float32 have too few digits for it.
    """
    gradient, x, y = training.value_and_grad(net, losses.mean_squared_error), x.astype(float), y.astype(float)
    start = tree.map(lambda leaf: leaf.astype(float), params)
    *_, last = training.lbfgs(lambda own: gradient(own, x, y), start, steps=steps, tolerance=1e-9)
    return tree.map(lambda leaf: leaf.astype(np.float32), last.params)
