"""Batches that can be gone over again, and examples in batches as they stand."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from fnnet.arguments import is_function, shown, whole
from fnnet.arrays import Arrays, count, length, read_rows
from fnnet.errors import ConfigError, expected


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


Transform: TypeAlias = Callable[[Any], Arrays]  # x of some examples, as it is stored -> as a net takes it


def transformed(transform: Transform | None, batch: tuple[Any, ...]) -> tuple[Arrays, ...]:
    """A batch with its x as a net takes it; without examples as it is."""
    return batch if transform is None or count(batch) == 0 else (transform(batch[0]), *batch[1:])


def check_transform(transform: object) -> Any:
    """The function itself, or None, or the error that says what came in its place."""
    if transform is not None and not is_function(transform):
        raise ConfigError(expected("transform", "a function x -> x", shown(transform)))
    return transform


def in_order(
    arrays: Sequence[Any], size: int, own: Callable[[int], range] = range, transform: Transform | None = None
) -> Batches:
    """`arrays` in batches as they stand, the last one perhaps short, for evaluation; of those in memory, views.

    Of so many batches in all, those that `own` says.

    >>> import numpy as np
    >>> [len(x) for x, in in_order((np.zeros(10),), 4)]
    [4, 4, 2]

    Raises:
        DataError: no arrays, no examples or first axes of different length.
    """
    n, size = length(arrays, stored=True), whole("size", size, 1)
    given, numbers = tuple(arrays), own(-(-n // size))

    def made() -> Iterator[tuple[Arrays, ...]]:
        return (transformed(transform, read_rows(given, slice(i * size, (i + 1) * size))) for i in numbers)

    return Batches(made, len(numbers))
