"""Freed memory is used again: glibc's allocator learns from the largest block that a program has freed."""

from contextlib import suppress
from functools import cache

import numpy as np

_LARGEST = 2**25 - 2**14  # bytes: with its header and whole pages, just within what glibc learns from


@cache
def reuse() -> None:
    """Free one block of 32 MiB that nobody has written to, so that freed arrays serve for later ones.

    glibc maps arrays from 128 KiB on by themselves, gives each back to the system when it is freed, and asks for zeroed
    pages again: a thousand page faults in a step of LeNet-5 (batch 64), a third of its time. But it learns: the size of
    a mapped block that is freed becomes its limit, up to 32 MiB, and twice as much free memory may stay at the end of
    the heap (mallopt(3), M_MMAP_THRESHOLD). Arrays of small nets never teach it that much; this frees such a block at
    once, as any program may: two system calls, no memory, no setting. Where a program or its environment has made one,
    by `mallopt`, it stands; where there is no glibc, nothing comes of this.

    >>> reuse()
    """
    with suppress(MemoryError):  # of a process that may not have so much; it goes on without
        np.empty(_LARGEST, np.uint8)
