"""`Pack`: leaves that go through the parts as one array, and the stretches it is cut into.

A leaf goes alone, in blocks that stay in the cache; small ones that are treated alike are copied into one array first.
Where a part is of leaves, each goes alone and uncut.
"""

import math
from collections.abc import Sequence, Set
from functools import lru_cache
from itertools import accumulate
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from fnnet.optim.engine.layout import Forms, Layout, Leaves, forms_of
from fnnet.optim.engine.plan import Plan
from fnnet.tree import locked
from fnnet.types import Array, Shape

BLOCK = 2**19  # bytes of each array that go through the parts together: smaller blocks cost more calls than they save
SMALL = 2**16  # bytes of a leaf that is packed with others: copying more takes longer than the calls it saves
PACK = 2**18  # bytes that small leaves may have together

To: TypeAlias = Literal["beside", "over", "nowhere"]  # where what replaces an array is written: over one given up


class Pack(NamedTuple):
    """Small leaves that are treated alike, or one larger leaf.

    Args:
        places: of the leaves.
        slices: which elements of the pack each leaf is.
        shapes: theirs.
        skips: the numbers of the parts that let them pass.
        blocks: the stretches it is cut into.
        length: of the longest of these.
    """

    places: tuple[int, ...]
    slices: tuple[slice, ...]
    shapes: tuple[Shape, ...]
    skips: frozenset[int]
    blocks: tuple[slice, ...]
    length: int

    def gather(self, leaves: Leaves) -> Array:
        """Their elements in C order: of a single leaf a view where it lies so, of several a copy."""
        if len(self.places) == 1:
            return leaves[self.places[0]].reshape(-1)
        return np.concatenate([leaves[i] for i in self.places], axis=None)

    def replaced(self, leaves: Leaves, to: To) -> Array:
        """The same of leaves that get successors: what is to be written over can be written to."""
        return _unlocked(leaves[self.places[0]]) if to == "over" else self.gather(leaves)

    def room(self, array: Array, to: To) -> Array:
        """Where to write what replaces a gathered array; nowhere is one block of scrap."""
        return array if to == "over" else np.empty(self.length if to == "nowhere" else array.size, array.dtype)

    def is_of(self, own: Set[int], columns: Sequence[Leaves]) -> bool:
        """Whether it is one leaf, and what these have in its place are arrays of `own`, all of them others."""
        found = {id(leaves[self.places[0]]) for leaves in columns}
        return len(self.places) == 1 and len(found) == len(columns) and found <= own

    def scatter(self, array: Array, leaves: Leaves) -> None:
        """Put views of a finished array, now read-only, in their places."""
        if array.base is not None:
            locked(array.base)
        locked(array)
        if len(self.places) == 1:
            leaves[self.places[0]] = array.reshape(self.shapes[0])
            return
        for i, cut, shape in zip(self.places, self.slices, self.shapes, strict=True):
            leaves[i] = array[cut].reshape(shape)

    def drop(self, leaves: Leaves) -> None:
        """Put holes in their places."""
        for i in self.places:
            leaves[i] = None


def _unlocked(leaf: Array) -> Array:
    """The elements of an array that is all of its memory, to be written to."""
    whole = leaf if leaf.base is None else leaf.base
    whole.flags.writeable = True
    return whole.reshape(-1)


def packs_of(plan: Plan, us: Leaves, params: Layout) -> tuple[Pack, ...]:
    """All leaves that move."""
    forms = forms_of(us)
    skips = [
        frozenset(k for k, where in plan.choosy if form and not where(params.path(i), params.leaves[i]))
        for i, form in enumerate(forms if plan.choosy else ())
    ]
    return _packed(forms, tuple(skips), plan.uncut, (BLOCK, SMALL, PACK))


@lru_cache(maxsize=64)
def _packed(
    forms: Forms, skips: tuple[frozenset[int], ...], uncut: bool, sizes: tuple[int, int, int]
) -> tuple[Pack, ...]:
    """Packs of leaves of these forms, of which parts skip some: the same in every step."""
    block, small, most = sizes
    groups: list[list[int]] = []
    last: dict[Any, list[int]] = {}  # of each kind the small leaves that others may join
    bytes_of = [0 if form is None else math.prod(form[0]) * form[1].itemsize for form in forms]
    for i, form in enumerate(forms):
        if form is None:
            continue
        kind = form[1], skips[i] if skips else None
        is_small = bytes_of[i] <= small and not uncut
        if is_small and kind in last and sum(bytes_of[j] for j in (*last[kind], i)) <= most:
            last[kind].append(i)
            continue
        groups.append([i])
        if is_small:
            last[kind] = groups[-1]
    return tuple(_pack(tuple(group), forms, skips, None if uncut else block) for group in groups)


def _pack(places: tuple[int, ...], forms: Forms, skips: tuple[frozenset[int], ...], block: int | None) -> Pack:
    shapes, (dtype, *_) = zip(*(forms[i] for i in places), strict=True)
    ends = tuple(accumulate(map(math.prod, shapes)))
    slices = tuple(map(slice, (0, *ends), ends))
    size = ends[-1]
    length = size if block is None else -(-size // max(1, -(-size * dtype.itemsize // block)))  # all alike, no scrap
    blocks = tuple(slice(a, a + length) for a in range(0, size, max(1, length)))
    return Pack(places, slices, shapes, skips[places[0]] if skips else frozenset(), blocks, length)
