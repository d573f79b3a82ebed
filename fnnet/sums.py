"""Gradients of several calls or parts put together: trained leaves add up, remembered ones are averaged."""

from fnnet import tree
from fnnet.tree import Frozen, Leaf, Running
from fnnet.types import Params


def plus_leaf(total: Leaf, leaf: Leaf) -> Leaf:
    """One leaf of a sum of gradients: arrays and successors add up, frozen leaves and holes stay.

    In evaluation a successor is the leaf that it follows, which stays too.
    """
    if isinstance(leaf, Running):
        return leaf if total is leaf else Running(total.array + leaf.array)
    return total if leaf is None or isinstance(leaf, Frozen) else total + leaf


def average_leaves(params: Params, total: Params, count: int) -> Params:
    """The sum of so many gradients of params, with successors averaged."""
    if count == 1:
        return total

    def one(old: Leaf, leaf: Leaf) -> Leaf:
        return Running(leaf.array / count) if isinstance(leaf, Running) and leaf is not old else leaf

    return tree.zip_leaves(one, params, total)
