"""`hvp`: second derivatives from the hand-written first ones."""

import numpy as np

from fnnet import tree
from fnnet.arrays import Arrays, each, is_discrete
from fnnet.losses import Loss
from fnnet.training.value_and_grad import value_and_grad
from fnnet.tree import Leaf
from fnnet.types import Layer, Params, Target

_TINY = 1e-30  # its square is lost beside 1


def hvp(
    net: Layer,
    loss: Loss,
    params: Params,
    x: Arrays,
    target: Target,
    direction: Params,
) -> Params:
    """The Hessian of loss(net(params, x), target) by params, times a direction.

        H v = Im ∇L(p + i h v) / h,    h = 1e-30

    The gradient is the net's own vjp run on complex numbers: no differences, no step to choose, no truncation. Where
    a ReLU net has kinks this is the Hessian of the piece at hand.

    Args:
        net: a layer that runs on complex arrays; for training pass `net.train(key)`.
        loss: as in `fnnet.losses`.
        params: of the net.
        x: a batch (N, …), or a tuple of such.
        target: what the loss takes.
        direction: a tree like params; what stands at marked leaves is not looked at.

    Returns: a float64 tree like params with holes at marked leaves.

    Raises:
        StructureError: direction does not match params.

    Source: Squire & Trapp 1998, "Using complex variables to estimate derivatives of real functions".

    >>> from fnnet import layers, losses, rng
    >>> net, x, target = layers.dense(1, bias=False), np.array([[3.0]]), np.array([[0.0]])
    >>> params = tree.cast(net.init(rng.key(0), (1,)), float)
    >>> hvp(net, losses.squared_error, params, x, target, tree.map(np.ones_like, params))
    Dense(weight=array([[9.]]))
    """
    moved = tree.zip_leaves(_step, params, direction)
    target = each(lambda array: array.astype(float) if array.dtype.kind == "f" else array, target)
    x = each(lambda array: array if is_discrete(array) else array.astype(complex), x)
    _, dparams, _ = value_and_grad(net, loss)(moved, x, target)
    return tree.map(lambda grad: np.ascontiguousarray(grad.imag) / _TINY, dparams)


def _step(leaf: Leaf, along: Leaf) -> Leaf:
    if isinstance(leaf, tree.Running):
        return tree.Running(leaf.array.astype(complex))
    if isinstance(leaf, tree.Frozen):
        return tree.Frozen(_step(leaf.leaf, None))
    step = leaf.astype(complex)
    return step if along is None else step + 1j * (_TINY * np.asarray(along, float))
