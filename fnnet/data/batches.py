"""Batches: one epoch of examples as a pure function of a key."""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, TypeAlias

import numpy as np

from fnnet import rng
from fnnet.arguments import one_of, whole
from fnnet.errors import ConfigError, DataError, DtypeError, expected
from fnnet.types import Array

Remainder: TypeAlias = Literal["keep", "drop", "fill"]
_REMAINDERS = ("keep", "drop", "fill")


class Batches:
    """Batches that are made as they are asked for: every time they are gone over, from the first.

    `len` says how many; what a generator would do, to be used up and then silently empty, they never do.

    >>> epoch = in_order((np.arange(5),), 2)
    >>> len(epoch), [x.tolist() for x, in epoch], [x.tolist() for x, in epoch]
    (3, [[0, 1], [2, 3], [4]], [[0, 1], [2, 3], [4]])
    """

    def __init__(self, made: Callable[[], Iterator[tuple[Array, ...]]], count: int):
        self._made = made
        self._count = count

    def __iter__(self) -> Iterator[tuple[Array, ...]]:
        return self._made()

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"<{self._count} batches>"


def batches(key: rng.Key, arrays: Sequence[Array], size: int, remainder: Remainder = "keep", start: int = 0) -> Batches:
    """One epoch of `arrays` in shuffled batches.

    The order is `rng.permutation(key, N)` and nothing else, so an epoch can be entered at any batch: `start=k` gives
    what is left after the first k batches, without the work of making those. Give every epoch a key of its own:

    >>> x, y = np.arange(10.0), np.arange(10)
    >>> root = rng.key(0)
    >>> epoch_3 = rng.fold_in(rng.fold_in(root, "shuffle"), 3)
    >>> [yb.tolist() for xb, yb in batches(epoch_3, (x, y), 4)]
    [[7, 1, 6, 3], [2, 5, 4, 9], [0, 8]]
    >>> [yb.tolist() for xb, yb in batches(epoch_3, (x, y), 4, "fill", start=1)]
    [[2, 5, 4, 9], [4, 9, 0, 8]]

    Args:
        key: names the order of this epoch.
        arrays: arrays with one first axis N, such as `(x, y)`.
        size: examples in a batch.
        remainder: what becomes of a last batch that would be short: "keep" it short, "drop" it, or "fill" it up from
            the end of the shuffled order, so that it holds the last `size` examples of that order, some a second time.
        start: batches to pass over.

    Returns:
        Batches with a length, which can be gone over again and are the same again: tuples with a new array for each of
        `arrays`, each (size, …).

    Raises:
        DataError: no arrays, no examples, first axes of different length, or fewer than `size` examples where the
            remainder is to be dropped or filled.
        ConfigError: `size`, `remainder` or `start` is out of its range.
    """
    n = length(arrays)
    count = batch_count(n, size, remainder)
    start = whole("start", start, 0)
    if start > count:
        raise ConfigError(expected("start", f"at most the {count} batches of this epoch", start))
    size, own, order = int(size), tuple(arrays), rng.permutation(key, n)

    def made() -> Iterator[tuple[Array, ...]]:
        return (tuple(array[rows] for array in own) for rows in _rows(order, size, count, remainder, start))

    return Batches(made, count - start)


def _rows(order: Array, size: int, count: int, remainder: str, start: int) -> Iterator[Array]:
    for i in range(start, count):
        rows = order[i * size : (i + 1) * size]
        yield order[-size:] if remainder == "fill" and len(rows) < size else rows


def in_order(arrays: Sequence[Array], size: int) -> Batches:
    """`arrays` in batches as they stand, the last one perhaps short: views, nothing is copied. For evaluation.

    >>> [len(x) for x, in in_order((np.zeros(10),), 4)]
    [4, 4, 2]

    Raises:
        DataError: no arrays, no examples or first axes of different length.
    """
    n, size = length(arrays), whole("size", size, 1)
    own = tuple(arrays)
    return Batches(lambda: (tuple(array[i : i + size] for array in own) for i in range(0, n, size)), -(-n // size))


def batch_count(n: int, size: int, remainder: Remainder = "keep") -> int:
    """Batches in an epoch of `n` examples.

    >>> batch_count(10, 4), batch_count(10, 4, "drop")
    (3, 2)
    """
    n, size = whole("n", n, 1), whole("size", size, 1)
    if remainder not in _REMAINDERS:
        raise ConfigError(expected("remainder", one_of(_REMAINDERS), repr(remainder)))
    if remainder != "keep" and n < size:
        raise DataError(expected(f"arrays, with remainder={remainder!r},", f"at least size = {size} examples", n))
    return n // size if remainder == "drop" else -(-n // size)


def length(arrays: object) -> int:
    """The one length ≥ 1 of the first axes of `arrays`, or the error that says why there is none."""
    if isinstance(arrays, np.ndarray) or not isinstance(arrays, Sequence):
        raise DtypeError(expected("arrays", "a tuple of arrays such as (x, y)", type(arrays).__name__))
    if not arrays:
        raise DataError(expected("arrays", "at least one array", "none"))
    for i, array in enumerate(arrays):
        if not isinstance(array, np.ndarray):
            raise DtypeError(expected(f"arrays[{i}]", "a NumPy array", type(array).__name__, "use np.asarray"))
        if array.ndim == 0:
            raise DataError(expected(f"arrays[{i}]", "an array (N, …)", "one without axes"))
        if len(array) != len(arrays[0]):
            raise DataError(expected(f"arrays[{i}]", f"{len(arrays[0])} examples, as in arrays[0]", len(array)))
    if len(arrays[0]) == 0:
        raise DataError(expected("arrays", "at least one example", "none"))
    return len(arrays[0])
