"""Explanations: a layer's derivative step by step, with the numbers of a small case.

    fnnet explain conv2d --shape 1 4 4

A derivation is a text beside the code, `fnnet/explain/texts/NAME.md`, whose code blocks are run: every number in an
explanation is computed when it is asked for, by textbook code, and compared with what the layer itself gives.

>>> from fnnet import explain, layers
>>> told = explain.explain(layers.dense(2), (3,))
>>> told.agrees
True
>>> [step.code.splitlines()[-1] for step in told.steps]
['y = x @ weight + bias', 'dweight = x.T @ dy', 'dbias = dy.sum(axis=0)', 'dx = dy @ weight.T']
>>> told.steps[0].made["y"].shape
(2, 2)
"""

from fnnet.explain.explanation import Explanation, Reads, Slope, Step, explain
from fnnet.explain.naming import explained, named_net
from fnnet.explain.of_losses import of_loss
from fnnet.explain.telling import Passage, in_markdown, in_terminal, passages

__all__ = [
    "Explanation",
    "Passage",
    "Reads",
    "Slope",
    "Step",
    "explain",
    "explained",
    "in_markdown",
    "in_terminal",
    "named_net",
    "of_loss",
    "passages",
]
