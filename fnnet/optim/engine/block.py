"""`Block`: what a rule is given, and the two rules that everybody needs."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fnnet.types import Array, Shape


class Block(NamedTuple):
    """Some elements on their way through the parts: what a rule reads, and where it writes.

    All arrays have one shape and one dtype; they are one-dimensional, or like a leaf where the part is of leaves.
    `update` may be `given` and `new` may be `old`: a rule reads nothing again once it wrote what replaces it.

    Args:
        update: to write: `factor` times the part's result.
        given: the result of the part before; for the first, gradients.
        params: the params, None unless the part says that it reads them.
        old: its state, an array for each of the part's `starts`.
        new: to write: its next state.
        spare: room for one intermediate result.
        factor: the product of all factors right behind the part.
    """

    update: Array
    given: Array
    params: Any
    old: Sequence[Array]
    new: Sequence[Array]
    spare: Array
    factor: float

    def shaped(self, shape: Shape) -> "Block":
        """The same memory, all arrays of this shape."""
        old, new = ([each.reshape(shape) for each in state] for state in (self.old, self.new))
        params = None if self.params is None else self.params.reshape(shape)
        update, given, spare = (each.reshape(shape) for each in (self.update, self.given, self.spare))
        return Block(update, given, params, old, new, spare, self.factor)


def pass_on(block: Block) -> None:
    """u = factor · g: the rule that changes nothing."""
    if block.factor != 1.0:
        np.multiply(block.given, block.factor, out=block.update)
    elif block.update is not block.given:
        np.copyto(block.update, block.given)


def finish(block: Block) -> None:
    """u = factor · u: how a rule ends that has written its plain result."""
    if block.factor != 1.0:
        np.multiply(block.update, block.factor, out=block.update)
