"""What runs optimizers over trees of params, and what a part of one is made of.

A part is written as what it does to some elements at a time; walking the trees, checking, marks, holes, the count of
updates and the state are seen to here. An optimizer of your own, sign descent with momentum:

>>> from typing import NamedTuple
>>> import numpy as np
>>> from fnnet import optim
>>> class Signs(NamedTuple):
...     mean: object                                    # one tree for each of `starts`
>>> def rule(block):
...     (old,), (mean,) = block.old, block.new
...     np.multiply(old, 0.9, out=mean)                 # m ← 0.9 m + u
...     np.add(mean, block.given, out=mean)
...     np.sign(mean, out=block.update)                 # u ← sign(m)
...     finish(block)
>>> signs = link(Part("signs", lambda count, updates: rule, state=Signs, starts=(from_zero,)))
>>> optimizer = optim.chain(signs, optim.scale_by_learning_rate(0.5))
>>> params = {"weight": np.zeros(2)}
>>> optimizer.update({"weight": np.array([3.0, -2.0])}, optimizer.init(params), params)[0]
{'weight': array([-0.5,  0.5])}

A rule that looks at more than one element at a time is of leaves: each comes in its own shape.

>>> def rule(block):
...     np.subtract(block.given, block.given.mean(axis=0), out=block.update)
...     finish(block)
>>> centred = link(Part("centred", lambda count, updates: rule, of="leaves"))
>>> centred.update((np.array([[3.0], [1.0]]),), centred.init((np.zeros((2, 1)),)), (np.zeros((2, 1)),))[0]
(array([[ 1.],
       [-1.]]),)
"""

from fnnet.optim.engine.block import Block, finish, pass_on
from fnnet.optim.engine.chain import Chain, Shared, link
from fnnet.optim.engine.layout import (
    Layout,
    Leaves,
    check_trainable,
    gradients_beside,
    is_finite_leaf,
    is_trained,
    lay_out,
    state_beside,
)
from fnnet.optim.engine.part import Factor, Part, Rule, Stage, Where, dividing, from_zero
from fnnet.optim.engine.sweep import Ahead, look_ahead, move

__all__ = [
    "Ahead",
    "Block",
    "Chain",
    "Factor",
    "Layout",
    "Leaves",
    "Part",
    "Rule",
    "Shared",
    "Stage",
    "Where",
    "check_trainable",
    "dividing",
    "finish",
    "from_zero",
    "gradients_beside",
    "is_finite_leaf",
    "is_trained",
    "lay_out",
    "link",
    "look_ahead",
    "move",
    "pass_on",
    "state_beside",
]
