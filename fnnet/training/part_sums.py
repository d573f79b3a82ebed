"""What the micro-batches of a step add up to, on one worker and on all of a team."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import optree

from fnnet import tree
from fnnet.parallel import Team
from fnnet.parallel.arrays import added
from fnnet.sums import of_subtrees, plus_leaf
from fnnet.tree import Frozen, Leaf, Running
from fnnet.types import Params

Sums: TypeAlias = tuple[float, float, Params]  # of losses, of weights, of gradients


class InNumbers(NamedTuple):
    """What a worker tells of its subtrees: what is no array, and which leaves of the gradient are.

    Args:
        sums: of losses and weights, by subtree.
        leaves: a letter for each: "g" a gradient, "s" a successor, "k" kept as it is, "-" a hole; "" without a part.
    """

    sums: dict[range, tuple[float, float]]
    leaves: str


def plus_sums(left: Sums, right: Sums) -> Sums:
    """The sums of two subtrees together."""
    return left[0] + right[0], left[1] + right[1], tree.zip_leaves(plus_leaf, left[2], right[2])


def in_numbers(params: Params, own: Mapping[range, Sums]) -> InNumbers:
    """What is told of a worker's subtrees."""
    sums = {node: (value, weight) for node, (value, weight, _) in own.items()}
    return InNumbers(sums, _letters(params, next(iter(own.values()))[2]) if own else "")


def of_all(team: Team, n: int, own: Mapping[range, Sums], told: Sequence[InNumbers], params: Params) -> Sums:
    """The sums over all n parts of all workers, from each one's own subtrees and what all have told."""
    if team.size == 1:
        return of_subtrees(plus_sums, own, n)
    numbers = {node: found for one in told for node, found in one.sums.items()}
    value, weight = of_subtrees(lambda a, b: (a[0] + b[0], a[1] + b[1]), numbers, n)
    letters = next(one.leaves for one in told if one.leaves)
    old, spec = optree.tree_flatten(params, none_is_leaf=True)

    def moving(whole: Params) -> list[np.ndarray]:
        leaves = optree.tree_leaves(whole, none_is_leaf=True)
        return [tree.array(leaf) for leaf, letter in zip(leaves, letters, strict=True) if letter in "gs"]

    arrays = {node: moving(gradient) for node, (_, _, gradient) in own.items()}
    sums = iter(added(team, n, arrays, moving(params)))
    return value, weight, spec.unflatten([_put(leaf, letter, sums) for leaf, letter in zip(old, letters, strict=True)])


def _letters(params: Params, gradient: Params) -> str:
    old, new = (optree.tree_leaves(whole, none_is_leaf=True) for whole in (params, gradient))
    return "".join(map(_letter, old, new))


def _letter(old: Leaf, new: Leaf) -> str:
    if new is None:
        return "-"
    if isinstance(new, Running):
        return "k" if new is old else "s"
    return "k" if isinstance(new, Frozen) else "g"


def _put(old: Leaf, letter: str, sums: Iterator[np.ndarray]) -> Leaf:
    if letter == "k":
        return old
    if letter == "-":
        return None
    return next(sums) if letter == "g" else Running(next(sums))
