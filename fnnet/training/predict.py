"""`predict`: what a net makes of examples, in tiles of one size."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from fnnet.arguments import plain_array, whole
from fnnet.arrays import Arrays, count, each, flat, is_stored, places, read_rows
from fnnet.batching import Transform, check_transform, transformed
from fnnet.errors import DataError, expected
from fnnet.parallel import Team, share
from fnnet.parallel.arrays import behind_each_other
from fnnet.parallel.team import check_team, together
from fnnet.parallel.threads import in_threads
from fnnet.training.one_way import one_way
from fnnet.training.state import check_params
from fnnet.types import Array, Layer, Params, check_net


def predict(
    net: Layer,
    params: Params,
    x: Any,
    size: int = 64,
    *,
    transform: Transform | None = None,
    workers: int = 1,
    team: Team | None = None,
) -> Arrays:
    """The net's predictions for all examples, (N, …): its evaluation, tile by tile.

    All tiles are of one size, the last one filled up with its last example, so that an example's bytes depend on its
    place in its tile, never on its neighbours or on their number. (In tiles of more than 8 some kernels of OpenBLAS
    round the last bit by that place; in smaller ones none was seen to.) What a layer makes is let go once the next one
    has read it.

    Args:
        net: a net; its evaluation is meant, so not `net.train(key)`.
        params: its params.
        x: (N, …), an array, or one that lies on disk: `np.memmap`, or anything else that has a shape and a dtype and
            gives arrays for slices of its first axis. One tile of it is in memory at a time for each of `workers`. Or a
            tuple of such, for a net that reads one.
        size: examples in a tile.
        transform: x -> x, for what is stored otherwise than the net takes it, of a tile at a time.
        workers: tiles at a time, each in a thread of its own, to save time where there are as many cores; BLAS should
            have one thread then (`OPENBLAS_NUM_THREADS=1`). The bytes are those of one.
        team: processes that share out the tiles, such as `parallel.mpi()`; the predictions, on all, are those of one.

    Raises:
        ConfigError: `size` or `workers` is no whole number ≥ 1.
        DataError: there is no example.
        DtypeError: x is no array.
        WorkerError: one of the team failed; on all of them.

    The other errors are those of `net.apply`.

    >>> from fnnet import layers, rng
    >>> net = layers.dense(2)
    >>> predict(net, net.init(rng.key(0), (3,)), np.ones((100, 3), np.float32)).shape
    (100, 2)
    """
    check_net(net)
    check_params(params, x)
    size, workers, own_team = whole("size", size, 1), whole("workers", workers, 1), check_team(team)
    check_transform(transform)
    own, _ = together(
        own_team, lambda: _predicted(net, params, x, size, transform, workers, own_team), lambda own: None
    )
    return behind_each_other(own_team, own)


def _predicted(
    net: Layer, params: Params, x: Any, size: int, transform: Transform | None, workers: int, team: Team
) -> Arrays | None:
    """The predictions for the tiles of one of the team, None where it has none."""
    total = _length(x)
    own = share(-(-total // size), team.rank, team.size)
    first, last = own.start * size, min(own.stop * size, total)
    starts = range(first, last, size)
    apply = one_way(net).apply

    def tiles() -> Iterator[Arrays]:
        for start in starts:
            (tile,) = transformed(transform, (read_rows(x, slice(start, start + size)),))
            yield each(partial(_filled, size=size), tile) if count(tile) < size else tile

    found: Arrays = None
    for start, y in zip(starts, in_threads(lambda tile: apply(params, tile)[0], tiles(), workers), strict=True):
        if found is None:
            found = each(lambda leaf: np.empty((last - first, *leaf.shape[1:]), leaf.dtype), y)
        n = min(size, last - start)
        for of, made in zip(flat(found), flat(y), strict=True):
            of[start - first : start - first + n] = made[:n]
    return found


def _filled(leaf: Array, size: int) -> Array:
    """So many examples, the last one again and again behind those that are there."""
    return np.concatenate([leaf, np.repeat(leaf[-1:], size - len(leaf), axis=0)])


def _length(x: Any) -> int:
    """The number of examples of arrays, on disk too.

    Raises:
        DataError: there is none, or the parts of a tuple differ in it.
        DtypeError: a part is no array.
    """
    found = None
    for place, leaf in places(x, "x"):
        if not is_stored(leaf):
            plain_array(place, leaf, f"np.asarray({place}, np.float32)")
        shape = tuple(leaf.shape)
        if not shape or shape[0] == 0:
            raise DataError(expected(place, "a batch (N, …) of N ≥ 1 examples", f"shape {shape}"))
        if found not in (None, shape[0]):
            raise DataError(expected(place, f"{found} examples, as in what stands before it", shape[0]))
        found = shape[0]
    if found is None:
        raise DataError(expected("x", "at least one array", "an empty tuple"))
    return int(found)
