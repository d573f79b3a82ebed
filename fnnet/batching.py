"""Batches that can be gone over again, and examples in batches as they stand."""

from collections.abc import Callable, Iterator, Sequence

from fnnet.arguments import whole
from fnnet.arrays import Arrays, length, rows


class Batches:
    """Batches that are made as they are asked for: every time they are gone over, from the first.

    `len` says how many; what a generator would do, to be used up and then silently empty, they never do.

    >>> import numpy as np
    >>> epoch = in_order((np.arange(5),), 2)
    >>> len(epoch), [x.tolist() for x, in epoch], [x.tolist() for x, in epoch]
    (3, [[0, 1], [2, 3], [4]], [[0, 1], [2, 3], [4]])
    """

    def __init__(self, made: Callable[[], Iterator[tuple[Arrays, ...]]], count: int):
        self._made = made
        self._count = count

    def __iter__(self) -> Iterator[tuple[Arrays, ...]]:
        return self._made()

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"<{self._count} batches>"


def in_order(arrays: Sequence[Arrays], size: int, own: Callable[[int], range] = range) -> Batches:
    """`arrays` in batches as they stand, the last one perhaps short: views, nothing is copied. For evaluation.

    Of so many batches in all, those that `own` says.

    >>> import numpy as np
    >>> [len(x) for x, in in_order((np.zeros(10),), 4)]
    [4, 4, 2]

    Raises:
        DataError: no arrays, no examples or first axes of different length.
    """
    n, size = length(arrays), whole("size", size, 1)
    given, numbers = tuple(arrays), own(-(-n // size))
    return Batches(lambda: (rows(given, slice(i * size, (i + 1) * size)) for i in numbers), len(numbers))
