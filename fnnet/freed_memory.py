"""Freed memory is used again: glibc's allocator learns from what a program has freed, and keeps what has a lid."""

from contextlib import suppress
from functools import cache

import numpy as np

_BLOCK = 2**25 - 2**14  # bytes: with its header and whole pages, just within what glibc learns from
_BLOCKS = 8  # of free memory that stays


@cache
def reuse() -> np.ndarray | None:
    """Free some blocks of 32 MiB that nobody has written to, so that freed arrays serve for later ones; keep the last.

    glibc maps arrays from 128 KiB on by themselves, gives each back to the system when it is freed, and asks for zeroed
    pages again: a thousand page faults in a step of LeNet-5 (batch 64), a third of its time. But it learns: the size of
    a mapped block that is freed becomes its limit, up to 32 MiB (mallopt(3), M_MMAP_THRESHOLD). Arrays of small nets
    never teach it that much; freeing one such block does.

    From then on arrays lie on the heap, whose free end is given back from 64 MiB on: six thousand page faults in a step
    of R4's residual net (batch 64), which takes 128. But only its end: what lies below something is kept. So blocks are
    taken one behind the other, the last stays as a lid, and below it 256 MiB are free for arrays.

    That is what any program may do: some system calls, no setting. Nothing is written to, so until arrays lie there it
    is no memory, only addresses; then it is as much as the arrays needed at once. Where a program or its environment
    has made a setting, by `mallopt`, it stands; where there is no glibc, nothing comes of this.

    Returns:
        The lid, which holds as long as this function remembers it; None in a process that may not have so much.

    >>> lid = reuse()
    """
    with suppress(MemoryError):
        np.empty(_BLOCK, np.uint8)
        *_, lid = [np.empty(_BLOCK, np.uint8) for _ in range(_BLOCKS + 1)]
        return lid
    return None
