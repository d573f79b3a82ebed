"""`in_threads`: one function of many parts, several at a time in threads of this process."""

from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")


def in_threads(f: Callable[[S], T], parts: Iterable[S], workers: int) -> Iterator[T]:
    """f of each part, in their order, so many at a time.

    Parts are taken by the caller's thread; f is called with NumPy's error settings as they are there, which a context
    keeps.

    >>> list(in_threads(abs, [-1, 2, -3], workers=2))
    [1, 2, 3]
    """
    if workers == 1:
        yield from map(f, parts)
        return
    from concurrent.futures import ThreadPoolExecutor  # with logging, for those who have several workers

    from toolz import partition_all

    with ThreadPoolExecutor(workers) as pool:
        for at_once in partition_all(workers, parts):
            yield from [done.result() for done in [pool.submit(copy_context().run, f, part) for part in at_once]]
