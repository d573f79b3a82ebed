"""Arrays of several workers: added in the order of the tree, put one behind the other, compared."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np

from fnnet import tree
from fnnet.arrays import Array, Arrays, blank, each
from fnnet.errors import WorkerError, expected
from fnnet.parallel.team import Team, share, worker_name
from fnnet.sums import of_subtrees, subtrees


def added(team: Team, n: int, own: Mapping[range, Sequence[Array]], like: Sequence[Array]) -> list[Array]:
    """The sums of arrays over n parts, which the workers share out as `share` does, on all workers.

    Every worker brings the sums over its own subtrees. All arrays are one long vector, of which each worker is sent a
    slice of every subtree's; it adds these in the order of the tree, and what it has added is gathered. So a worker
    sends and receives twice the vector or a little more, however many they are.

    Args:
        team: the workers.
        n: parts.
        own: of each of `subtrees(share(n, rank, size), n)`, the arrays.
        like: arrays of the same shapes and dtypes, for a worker without parts.
    """
    found: list[Any] = [None] * len(like)
    for dtype in dict.fromkeys(array.dtype for array in like):
        places = [i for i, array in enumerate(like) if array.dtype == dtype]
        vectors = [np.concatenate([arrays[i].ravel() for i in places]) for arrays in own.values()]
        whole = _added(team, n, vectors, dtype, sum(like[i].size for i in places))
        start = 0
        for i in places:
            found[i] = whole[start : start + like[i].size].reshape(like[i].shape)
            start += like[i].size
    return found


def _added(team: Team, n: int, vectors: Sequence[Array], dtype: np.dtype[Any], length: int) -> Array:
    """The sum of one vector; `vectors` are those of this worker's subtrees."""
    slices = [share(length, rank, team.size) for rank in range(team.size)]
    nothing = np.empty(0, dtype)
    received = team.exchange([np.concatenate([nothing, *(v[s.start : s.stop] for v in vectors)]) for s in slices])
    size = len(slices[team.rank])
    sums = {
        node: array[i * size : (i + 1) * size]
        for rank, array in enumerate(received)
        for i, node in enumerate(subtrees(share(n, rank, team.size), n))
    }
    return np.concatenate(team.gather(of_subtrees(np.add, sums, n)))


def behind_each_other(team: Team, own: Arrays | None) -> Arrays:
    """The rows of all workers in the order of ranks, on all; None where a worker has none."""
    if team.size == 1:
        return own
    forms = team.gather(None if own is None else blank(own))
    form = next(form for form in forms if form is not None)

    nothing = each(lambda of: np.empty((0, *of.shape[1:]), of.dtype), form)

    def one(array: Array) -> Array:
        return np.concatenate(team.gather(array.reshape(-1))).reshape(-1, *array.shape[1:])

    return each(one, nothing if own is None else own)


def tree_digest(whole: tree.Tree) -> str:
    """16 hexadecimal digits that stand for the arrays and numbers of a tree.

    >>> one, twin, other = (tree_digest((np.zeros(n),)) for n in (2, 2, 3))
    >>> one == twin, one == other
    (True, False)
    """
    found = blake2b(digest_size=8)
    for path, leaf in tree.items(whole):
        array = tree.array(leaf)
        if isinstance(array, np.ndarray):
            found.update(f"{path} {array.dtype.str} {array.shape}".encode())
            found.update(np.ascontiguousarray(array).data)
        else:
            found.update(f"{path} {array!r}".encode())
    return found.hexdigest()


def check_digests(team: Team, what: str, digests: Sequence[str]) -> None:
    """Raise unless all workers have the same.

    Raises:
        WorkerError: on all; it names the first worker whose digest is not that of worker 1.
    """
    for rank, own in enumerate(digests):
        if own != digests[0]:
            fix = "start all from one state, on one kind of machine, with one version of NumPy and of BLAS"
            where = f"{worker_name(team, rank)}: {what}"
            raise WorkerError(expected(where, f"that of worker 1, {digests[0]}", own, fix))
