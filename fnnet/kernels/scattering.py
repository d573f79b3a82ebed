"""Rows added up where their ids say."""

from typing import Any

import numpy as np

from fnnet.types import Array

_PAIRS: dict[np.dtype[Any], np.dtype[Any]] = {
    np.dtype(np.float32): np.dtype(np.complex64),
    np.dtype(np.float64): np.dtype(np.complex128),
}
_SOON = 2**14  # numbers that are added sooner than sorted out


def sums_by_id(ids: Array, rows: Array, count: int) -> Array:
    """(count, K) of ids (M,) from 0 to count - 1 and rows (M, K): to each id the sum of its rows, 0 where it has none.

    Rows are added in the order that they come. Where there are more ids than rows most have one at most, so that the
    first row of each is copied, in less time, and only what comes later is added.
    """
    sums, ids = np.zeros((count, rows.shape[1]), rows.dtype), ids.astype(np.intp)
    if count > len(ids) and rows.size > _SOON:
        order, first = np.arange(len(ids)), np.empty(count, np.intp)
        first[ids[::-1]] = order[::-1]  # what is written last stays
        is_first = first[ids] == order
        copied, added = np.flatnonzero(is_first), np.flatnonzero(~is_first)
        sums[ids[copied]] = rows[copied]
        ids, rows = ids[added], rows[added]
    if len(ids):
        _add(sums, ids, np.ascontiguousarray(rows))
    return sums


def _add(sums: Array, ids: Array, rows: Array) -> None:
    """Rows added to those of their ids.

    NumPy adds at single places five times as fast as by rows, so all places are written out; an even row goes two
    numbers at a time, as complex ones are added part by part: half the places.
    """
    unit: np.dtype[Any] = _PAIRS.get(rows.dtype, rows.dtype) if rows.shape[1] % 2 == 0 else rows.dtype
    to, own = sums.view(unit), rows.view(unit)
    places = ids[:, None] * own.shape[1] + np.arange(own.shape[1])
    np.add.at(to.reshape(-1), places.reshape(-1), own.reshape(-1))
