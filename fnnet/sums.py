"""Gradients of several calls or parts put together: trained leaves add up, remembered ones are averaged.

Floating-point sums depend on their order, so that of many parts is fixed, whoever adds them: a tree over their numbers,

    T(0 … n) = T(0 … k) + T(k … n),    k the largest power of two below n

A subtree has the form of the tree over as many parts, whatever the number it begins at. So several workers may add
different subtrees, and the bytes of the whole are those that one would make.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from fnnet import tree
from fnnet.tree import Frozen, Leaf, Running
from fnnet.types import Params

T = TypeVar("T")
Add = Callable[[T, T], T]


def in_tree(add: Add[T], parts: Iterable[T]) -> T:
    """The sum of one part or more in the order of the tree; of n, at most log₂ n + 1 sums wait in memory.

    >>> in_tree("({}+{})".format, "abcdefg")
    '(((a+b)+(c+d))+((e+f)+g))'
    """
    waiting: list[tuple[int, T]] = []  # sums of 2ⁱ parts each, the largest first
    for part in parts:
        size = 1
        while waiting and waiting[-1][0] == size:
            part, size = add(waiting.pop()[1], part), 2 * size
        waiting.append((size, part))
    _, total = waiting.pop()
    while waiting:
        total = add(waiting.pop()[1], total)
    return total


def subtrees(own: range, n: int) -> list[range]:
    """The largest subtrees of the tree over n parts that lie within `own`, in order.

    >>> subtrees(range(2, 7), 7), subtrees(range(7), 7), subtrees(range(0), 7)
    ([range(2, 4), range(4, 7)], [range(0, 7)], [])
    """

    def below(node: range) -> list[range]:
        if node.stop <= own.start or own.stop <= node.start:
            return []
        if own.start <= node.start and node.stop <= own.stop:
            return [node]
        left, right = _halves(node)
        return below(left) + below(right)

    return below(range(n))


def of_subtrees(add: Add[T], sums: Mapping[range, T], n: int) -> T:
    """The sum of n parts from those of subtrees that cover them.

    >>> of_subtrees("({}+{})".format, {range(0, 2): "ab", range(2, 3): "c", range(3, 4): "d", range(4, 7): "efg"}, 7)
    '((ab+(c+d))+efg)'
    """

    def at(node: range) -> T:
        if node in sums:
            return sums[node]
        left, right = _halves(node)
        return add(at(left), at(right))

    return at(range(n))


def _halves(node: range) -> tuple[range, range]:
    middle = node.start + (1 << (len(node) - 1).bit_length() - 1)
    return range(node.start, middle), range(middle, node.stop)


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
