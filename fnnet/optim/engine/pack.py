"""`Pack`: leaves that go through the parts as one array, and the stretches it is cut into.

Leaves are cut into blocks that stay in the cache, small neighbours packed together first. Where a part is of leaves,
each goes alone and uncut.
"""

from collections.abc import Iterator, Sequence, Set

import numpy as np

from fnnet.optim.engine.layout import Layout, Leaves, is_trained
from fnnet.optim.engine.memory import Memory
from fnnet.optim.engine.part import Part
from fnnet.tree import locked
from fnnet.types import Array, Shape

BLOCK = 2**19  # bytes of each array that go through the parts together: smaller blocks cost more calls than they save
PACK = 2**18  # bytes that neighbours may have to be packed together


class Pack:
    """Small neighbours that are treated alike, or one larger leaf."""

    def __init__(self, skips: Sequence[Memory], uncut: bool) -> None:
        self.skips = skips  # the parts that let them pass
        self.uncut = uncut
        self.over = False  # whether what replaces its arrays is written over them
        self.size = 0
        self.places: list[int] = []
        self.slices: list[tuple[int, slice, Shape]] = []

    @property
    def shape(self) -> Shape:
        """That of its first leaf: its only one where it is uncut."""
        return self.slices[0][2]

    def add(self, i: int, p: Array) -> None:
        """Put leaf i, like p, behind the others."""
        size = self.size + p.size
        self.places.append(i)
        self.slices.append((i, slice(self.size, size), p.shape))
        self.size = size

    def gather(self, leaves: Leaves) -> Array:
        """Their elements in C order: of a single leaf a view where it lies so, of several a copy."""
        if len(self.places) == 1:
            return leaves[self.places[0]].reshape(-1)
        return np.concatenate([leaves[i] for i in self.places], axis=None)

    def replaced(self, leaves: Leaves) -> Array:
        """The same of leaves that get successors: what is to be written over can be written to."""
        return _unlocked(leaves[self.places[0]]) if self.over else self.gather(leaves)

    def room(self, array: Array) -> Array:
        """Where to write what replaces a gathered array: over it if it is a copy, or given up."""
        return np.empty_like(array) if len(self.places) == 1 and not self.over else array

    def scrap(self, array: Array) -> Array:
        """As much memory as one block of such an array takes."""
        return np.empty(self.longest(array.itemsize), array.dtype)

    def is_of(self, own: Set[int], columns: Sequence[Leaves]) -> bool:
        """Whether it is one leaf, and what these have in its place are arrays of `own`, all of them others."""
        found = {id(leaves[self.places[0]]) for leaves in columns}
        return len(self.places) == 1 and len(found) == len(columns) and found <= own

    def scatter(self, array: Array, leaves: Leaves) -> None:
        """Put views of a finished array, now read-only, in their places."""
        locked(array if array.base is None else array.base)
        locked(array)
        for i, cut, shape in self.slices:
            leaves[i] = array[cut].reshape(shape)

    def drop(self, leaves: Leaves) -> None:
        """Put holes in their places."""
        for i in self.places:
            leaves[i] = None

    def longest(self, itemsize: int) -> int:
        """Elements of a block: all blocks are alike, or the last would often be a scrap."""
        return max(1, self.size if self.uncut else -(-self.size // max(1, -(-self.size * itemsize // BLOCK))))

    def cuts(self, length: int) -> Iterator[slice]:
        """Its stretches of this length."""
        return (slice(a, a + length) for a in range(0, self.size, length))


def _unlocked(leaf: Array) -> Array:
    """The elements of an array that is all of its memory, to be written to."""
    whole = leaf if leaf.base is None else leaf.base
    whole.flags.writeable = True
    return whole.reshape(-1)


def packs_of(memories: Sequence[Memory], us: Leaves, params: Layout) -> list[Pack]:
    """All leaves that move, in order."""
    parts = [memory for memory in memories if isinstance(memory.part, Part)]
    choosy = [memory for memory in parts if memory.part.where]
    uncut = any(memory.part.of == "leaves" for memory in parts)
    packs: list[Pack] = []
    kind, room = None, 0
    for i, u in enumerate(us):
        if is_trained(u):
            skips = [memory for memory in choosy if not memory.part.where(params.path(i), params.leaves[i])]
            if uncut or u.nbytes > room or kind != (u.dtype, skips):
                packs.append(Pack(skips, uncut))
                kind, room = (u.dtype, skips), PACK
            packs[-1].add(i, u)
            room -= u.nbytes
    return packs
