"""Batches: one epoch of examples as a pure function of a key."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, TypeAlias

from fnnet import rng
from fnnet.arguments import one_of, shown, whole
from fnnet.arrays import Array, Arrays, length, read_rows
from fnnet.batching import Batches, Transform, check_transform, transformed
from fnnet.errors import ArgumentError, ConfigError, DataError, expected
from fnnet.parallel import Team
from fnnet.parallel.portion import Portion, own_examples
from fnnet.parallel.team import check_team

Remainder: TypeAlias = Literal["keep", "drop", "fill"]
_REMAINDERS = ("keep", "drop", "fill")


def batches(
    key: rng.Key,
    arrays: Sequence[Any],
    size: int,
    remainder: Remainder = "keep",
    start: int = 0,
    *,
    transform: Transform | None = None,
    micro_batch: int | None = None,
    team: Team | None = None,
) -> Batches:
    """One epoch of `arrays` in shuffled batches.

    The order is `rng.permutation(key, N)` and nothing else, so an epoch can be entered at any batch: `start=k` gives
    what is left after the first k batches, without the work of making those. Give every epoch a key of its own:

    >>> import numpy as np
    >>> x, y = np.arange(10.0), np.arange(10)
    >>> root = rng.key(0)
    >>> epoch_3 = rng.fold_in(rng.fold_in(root, "shuffle"), 3)
    >>> [yb.tolist() for xb, yb in batches(epoch_3, (x, y), 4)]
    [[7, 1, 6, 3], [2, 5, 4, 9], [0, 8]]
    >>> [yb.tolist() for xb, yb in batches(epoch_3, (x, y), 4, "fill", start=1)]
    [[2, 5, 4, 9], [4, 9, 0, 8]]

    Args:
        key: names the order of this epoch.
        arrays: arrays with one first axis N, such as `(x, y)` or `(x, y, weight)`; x and y may be tuples of such. They
            may lie on disk: `np.memmap`, an array of an HDF5 or zarr file, or anything else that has a shape and a
            dtype and gives arrays for slices and for increasing row numbers. A batch's rows are read in the order in
            which they are stored, and nothing of others is kept.
        size: examples in a batch.
        remainder: what becomes of a last batch that would be short: "keep" it short, "drop" it, or "fill" it up from
            the end of the shuffled order, so that it holds the last `size` examples of that order, some a second time.
        start: batches to pass over.
        transform: x -> x, for what is stored otherwise than a net takes it, such as bytes: of a batch at a time, each
            example for itself.
        micro_batch: of the step, see `training.make_step`: what a team shares out.
        team: whose step it is. This worker then reads its own rows only, and what a batch gives is a `Portion` for that
            step.

    Returns:
        Batches with a length, which can be gone over again and are the same again: tuples with a new array for each of
        `arrays`, each (size, …).

    Raises:
        DataError: no arrays, no examples, first axes of different length, or fewer than `size` examples where the
            remainder is to be dropped or filled.
        ConfigError: an option is out of its range, or there is a team without a `micro_batch`.
    """
    if isinstance(arrays, rng.Key):
        raise ArgumentError(
            expected("batches", "(key, arrays, size)", "a Key behind", "the order is (key, arrays, size)")
        )
    rng.check_key(key)
    n = length(arrays, stored=True)
    count = batch_count(n, size, remainder)
    start = whole("start", start, 0)
    if start > count:
        raise ConfigError(expected("start", f"at most the {count} batches of this epoch", start))
    check_transform(transform)
    of_batch = _reading(lambda index: transformed(transform, read_rows(own, index)), micro_batch, check_team(team))
    size, own, order = int(size), tuple(arrays), rng.permutation(key, n)
    return Batches(lambda: map(of_batch, _indices(order, size, count, remainder, start)), count - start)


Reading: TypeAlias = Callable[[Array], tuple[Arrays, ...]]  # numbers of examples -> those


def _reading(examples: Reading, micro_batch: int | None, team: Team) -> Reading:
    """What is read of a batch with these numbers: by one of a team, the rows of its own micro-batches."""
    part = None if micro_batch is None else whole("micro_batch", micro_batch, 1)
    if team.size == 1:
        return examples
    if part is None:
        raise ConfigError(expected("micro_batch", "that of the step, which a team shares out", "None"))

    def portion(index: Array) -> Portion:
        own = index[own_examples(len(index), part, team)]
        return Portion(lambda: examples(own), len(index))

    return portion


def _indices(order: Array, size: int, count: int, remainder: str, start: int) -> Iterator[Array]:
    for i in range(start, count):
        found = order[i * size : (i + 1) * size]
        yield order[-size:] if remainder == "fill" and len(found) < size else found


def batch_count(n: int, size: int, remainder: Remainder = "keep") -> int:
    """Batches in an epoch of `n` examples.

    >>> batch_count(10, 4), batch_count(10, 4, "drop")
    (3, 2)
    """
    n, size = whole("n", n, 1), whole("size", size, 1)
    if remainder not in _REMAINDERS:
        raise ConfigError(expected("remainder", one_of(_REMAINDERS), shown(remainder)))
    if remainder != "keep" and n < size:
        raise DataError(expected(f"arrays, with remainder={remainder!r},", f"at least size = {size} examples", n))
    return n // size if remainder == "drop" else -(-n // size)
