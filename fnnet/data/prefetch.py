"""`prefetch`: a stream whose next items are made in a thread, while the present one is used."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

from fnnet.arguments import shown, whole
from fnnet.errors import ArgumentError, expected

Item = TypeVar("Item")
_END = object()


def prefetch(items: Iterable[Item], most: int = 1) -> Iterator[Item]:
    """The same items in the same order, the next ones made ahead in a thread.

    It pays where what makes an item waits, for a disk or a network; work that both threads do is shared out among cores
    only as far as NumPy and Pillow let go of Python's lock. The thread ends with the stream, or when that is closed.

    Args:
        items: gone over once, in that thread alone.
        most: items made ahead, ≥ 1; so many more are in memory.

    Raises:
        ArgumentError: `items` cannot be gone over.
        Exception: what making an item raises, where the item would stand.

    >>> [item * 2 for item in prefetch(range(3))]
    [0, 2, 4]
    """
    if not isinstance(items, Iterable):
        raise ArgumentError(expected("items", "a stream, such as data.batches(key, (x, y), 64)", shown(items)))
    return _made_ahead(iter(items), whole("most", most, 1))


def _made_ahead(items: Iterator[Item], most: int) -> Iterator[Item]:
    settings = copy_context()  # NumPy's errstate among them
    with ThreadPoolExecutor(1, "prefetch") as thread:

        def begun() -> "Future[Any]":
            return thread.submit(lambda: settings.run(next, items, _END))

        ahead = deque(begun() for _ in range(most))
        try:
            while (item := ahead.popleft().result()) is not _END:
                ahead.append(begun())
                yield item
        finally:
            for future in ahead:
                future.cancel()
