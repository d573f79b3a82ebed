"""Scaled dot-product attention and its adjoint, by heads that lie side by side in the last axis.

    S = Q Kᵀ / √d,   P = softmax S over the keys that a query may look at,   O = P V
    dV = Pᵀ dO,   dS = P ∘ (dO Vᵀ - Δ),  Δ = Σ dO ∘ O over a head's features,   dQ = dS K / √d,   dK = dSᵀ Q / √d

What is kept of P are e = exp(S - max S) and its sums, so that a matrix of queries by keys is never divided: the sums
divide O, and dO. A head is a view of (N, T, H · d), which BLAS reads and writes where it lies: nothing is transposed.

By blocks of queries, e is made again on the way back, and no more than a block of it is ever there. (Dao et al. 2022,
"FlashAttention", algorithms 1 and 4, is the same thought with blocks of keys too.)
"""

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from fnnet.types import Array

Keep: TypeAlias = Callable[
    [int, tuple[int, ...]], Array
]  # (first query, shape) -> which elements of P survive, booleans


class Look(NamedTuple):
    """Which query may look at which key, and what else there is to know.

    Args:
        heads: of queries, H.
        key_heads: of keys and values, G, which divides H: query head h reads key head h // (H / G).
        causal: query t may look at keys 0 … t only.
        mask: booleans (N, T, S), or (N, 1, S) for all queries alike; None where all may look.
        block: queries at a time; None for all at once, and e kept.
        keep: dropout's survivors of P, None without.
        rate: what dropout drops.
    """

    heads: int
    key_heads: int
    causal: bool = False
    mask: Array | None = None
    block: int | None = None
    keep: Keep | None = None
    rate: float = 0.0


class _Seen(NamedTuple):
    """What a block of queries sees: e, its sums over keys, and e without what dropout dropped."""

    e: Array
    total: Array
    kept: Array | None
    left: Array


def attend(q: Array, k: Array, v: Array, look: Look) -> tuple[Array, Callable[[Array], tuple[Array, Array, Array]]]:
    """O (N, T, H · d) of q (N, T, H · d) and k, v (N, S, G · d), and do -> (dq, dk, dv).

    A query that may look nowhere gets 0, and gives no gradient.
    """
    queries, memory = q.shape[1], k.shape[1]
    width = q.shape[2] // look.heads
    scale = 1 / math.sqrt(width)
    q = q * scale
    o = np.empty(q.shape, q.dtype)
    qs, ks, vs, os = (_by_head(array, look.key_heads, width) for array in (q, k, v, o))
    size = look.block or queries
    blocks = [slice(t, min(t + size, queries)) for t in range(0, queries, size)]

    def keys(rows: slice) -> slice:
        return slice(0, min(rows.stop, memory) if look.causal else memory)

    def see(rows: slice) -> _Seen:
        seen = keys(rows)
        e = qs[..., rows, :] @ ks[..., seen, :].swapaxes(-1, -2)
        may = _may_look(look, rows, seen)
        if may is not None:
            np.copyto(e, -np.inf, where=~may)
        top = e.real.max(axis=-1, keepdims=True)
        if may is not None:
            top[top == -np.inf] = 0
        e -= top
        np.exp(e, out=e)
        total = e.sum(axis=-1, keepdims=True)
        if may is not None:
            total[total == 0] = 1
        if look.keep is None:
            return _Seen(e, total, None, e)
        kept = look.keep(rows.start, e.shape)
        return _Seen(e, total, kept, _surviving(e * kept, look.rate))

    found = []
    with np.errstate(under="ignore"):
        for rows in blocks:
            seen = see(rows)
            np.matmul(seen.left, vs[..., keys(rows), :], out=os[..., rows, :])
            os[..., rows, :] /= seen.total
            if look.block is None:
                found.append(seen)

    def adjoint(do: Array) -> tuple[Array, Array, Array]:
        dq, dk, dv = np.empty(q.shape, q.dtype), np.zeros(k.shape, k.dtype), np.zeros(v.shape, v.dtype)
        dos, dqs, dks, dvs = (_by_head(array, look.key_heads, width) for array in (do, dq, dk, dv))
        with np.errstate(under="ignore"):
            for i, rows in enumerate(blocks):
                e, total, kept, left = found[i] if found else see(rows)
                g = dos[..., rows, :] / total
                dvs[..., keys(rows), :] += _shared(left.swapaxes(-1, -2) @ g)
                ds = g @ vs[..., keys(rows), :].swapaxes(-1, -2)
                if kept is not None:
                    ds = _surviving(ds * kept, look.rate)
                ds -= (g * os[..., rows, :]).sum(axis=-1, keepdims=True)
                ds *= e
                np.matmul(ds, ks[..., keys(rows), :], out=dqs[..., rows, :])
                dks[..., keys(rows), :] += _shared(ds.swapaxes(-1, -2) @ qs[..., rows, :])
            dq *= scale
        return dq, dk, dv

    return o, adjoint


def _by_head(array: Array, groups: int, width: int) -> Array:
    """A view (N, G, R, T, d) of queries (N, T, G · R · d), and with R = 1 of keys and values (N, S, G · d)."""
    return array.reshape(*array.shape[:2], groups, -1, width).transpose(0, 2, 3, 1, 4)


def _may_look(look: Look, rows: slice, keys: slice) -> Array | None:
    """For queries in `rows` and these keys, booleans that broadcast against (N, G, R, T, S); None where all may."""
    may = None
    if look.causal:
        may = np.arange(rows.start, rows.stop)[:, None] >= np.arange(keys.stop)
    if look.mask is not None:
        n, queries, _ = look.mask.shape
        own = look.mask[:, rows if queries > 1 else slice(1), keys].reshape(n, 1, 1, -1, keys.stop)
        may = own if may is None else own & may
    return may


def _shared(array: Array) -> Array:
    """What the R query heads of a group give to the keys they share, (N, G, R, S, d) summed to (N, G, 1, S, d)."""
    return array if array.shape[2] == 1 else array.sum(axis=2, keepdims=True)


def _surviving(array: Array, rate: float) -> Array:
    """Scaled up in place for what dropout took away."""
    array *= 1 / (1 - rate)
    return array
