"""Numbers brought to a standard size: rows, or groups of channels, made to have mean 0 and mean square 1.

With M values together, c = x - μ where there is a centre (else c = x), and r = 1 / √(Σc²/M + ε):

    μ = Σx / M,    ŷ = r c,    y = g ŷ + b
    dx = r (d - Σd / M - ŷ · Σ(d ŷ) / M)    with d = g dy, and without a centre no term Σd / M

σ² is Σx²/M - μ², but where this would lose more than a digit the mean is taken off first, so that a large mean does not
hurt; otherwise x need not be centred, and is all that is kept beside a few numbers of each row or group. Sums are
products of BLAS, which read memory once and make no array of products. Everything goes block by block, in memory that
stays in the cache of the processor: of each block the first pass reads x from further away, and only the last writes
there.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from fnnet.kernels.order import batch_first, laid_like, on_lines
from fnnet.types import Array

_TOGETHER = 2**17  # numbers of a block: fewer cost more in calls than the cache gives back
_FEW = 2**15  # numbers of rows that are gone over without blocks
_FAR = 8  # μ² / σ² above which Σx²/M - μ² loses more than a digit
_SIDE_BY_SIDE = 16  # positions of images that lie batch-last, at most
_harmless = np.errstate(under="ignore")  # squares and products that vanish beside a sum


class Kept(NamedTuple):
    """What the way back needs beside x: r, the mean of what is left of x, and what is taken off it before all else.

    All three (R, 1) of rows; of groups (R, 1) or batch-last (G, 1, N), see `_Groups`. What is taken off is 0, or the
    mean where it is large.
    """

    r: Array
    mean: Array
    off: Array


# Rows (R, M) whose every element has a gain and a bias of its own, the same for all rows. Few numbers are gone over as
# the formulas above say. Of many,
#
#     y = x ⊙ (r gᵀ) + (1 bᵀ - μ r gᵀ),    dx = dy ⊙ (r gᵀ) - x ⊙ (u 1ᵀ) - v 1ᵀ
#     with u = r² Σ(d ŷ) / M and v = r Σd / M - μ u,
#
# block by block. The matrices in brackets have rank 1 or 2 and come from BLAS: NumPy takes three times as long for a
# pass in which every row has a number of its own as for one over whole arrays.


@_harmless
def standard_rows(x: Array, gain: Array | None, bias: Array | None, eps: float, centre: bool) -> tuple[Array, Kept]:
    """y of x (R, M) in C order, and what to keep beside x; gain and bias (M,)."""
    if x.size < _FEW:
        return _few_rows(x, gain, bias, eps, centre)
    m = x.shape[1]
    y, room = on_lines(x.shape, x.dtype), _room(x)
    ones, zeros = np.ones(m, x.dtype), np.zeros(m, x.dtype)
    rows = np.stack([ones if gain is None else gain, zeros if bias is None else bias])
    kept = []
    for block in _row_blocks(x):
        p = x[block]
        mean = row_sum(p) / m if centre else np.zeros((len(p), 1), x.dtype)
        off, square = _far(mean, row_dot, p, m)
        if off.any():
            p, mean = p - off, mean - off
            square = row_dot(p, p) / m - mean * mean
        r = _inverse_root(square, eps)
        out = np.multiply(p, _outer(r, rows, room), out=y[block])
        if centre or bias is not None:
            out += np.matmul(_beside(-mean * r, np.ones_like(r)), rows, out=room[: len(p)])
        kept.append(Kept(r, mean, off))
    return y, Kept(*map(np.concatenate, zip(*kept, strict=True)))


@_harmless
def standard_rows_adjoint(
    dy: Array, x: Array, kept: Kept, gain: Array | None, centre: bool, input_gradient: bool = True
) -> tuple[Array | None, Array, Array]:
    """(dx, dg, db) of dy (R, M) in C order; without `input_gradient` dx is None."""
    if x.size < _FEW:
        return _few_rows_adjoint(dy, x, kept, gain, centre, input_gradient)
    m, dtype = dy.shape[1], np.result_type(dy, x)
    dgain, dbias = np.zeros((2, m), dtype)
    dx, room = on_lines(dy.shape, dtype) if input_gradient else None, _room(dy)
    ones = np.ones((2, m), dtype)
    scale = ones if gain is None else np.stack([gain, gain])
    for block in _row_blocks(dy):
        d, p, (r, mean, off) = dy[block], x[block], (part[block] for part in kept)
        if off.any():
            p = p - off
        products = np.multiply(d, p, out=room[: len(d)])
        sums, dots = d @ scale[0, :, None], products @ scale[0, :, None]
        total, of_mean = _beside(np.ones_like(r), mean * r).T @ d
        dbias += total
        dgain += r[:, 0] @ products - of_mean
        if dx is None:
            continue
        u = r * r * r * (dots - mean * sums) / m
        out = np.multiply(d, _outer(r, scale, room), out=dx[block])
        share = _outer(u, ones, room)
        share *= p
        out -= share
        if centre:
            out -= _outer(r * sums / m - mean * u, ones, room)
    return dx, dgain, dbias


def _few_rows(x: Array, gain: Array | None, bias: Array | None, eps: float, centre: bool) -> tuple[Array, Kept]:
    mean = row_sum(x) / x.shape[1] if centre else np.zeros((len(x), 1), x.dtype)
    y = x - mean
    r = _inverse_root(row_dot(y, y) / x.shape[1], eps)
    y *= r
    if gain is not None:
        y *= gain
    if bias is not None:
        y += bias
    return y, Kept(r, np.zeros_like(mean), mean)


def _few_rows_adjoint(
    dy: Array, x: Array, kept: Kept, gain: Array | None, centre: bool, input_gradient: bool
) -> tuple[Array | None, Array, Array]:
    m, hat = x.shape[1], (x - kept.off) * kept.r
    dgain, dbias = np.einsum("rm,rm->m", dy, hat), np.ones(len(dy), dy.dtype) @ dy
    if not input_gradient:
        return None, dgain, dbias
    d = dy if gain is None else dy * gain
    hat *= row_dot(d, hat) / m
    dx = d - hat
    if centre:
        dx -= row_sum(d) / m
    dx *= kept.r
    return dx, dgain, dbias


def _outer(column: Array, rows: Array, room: Array) -> Array:
    """column (R, 1) times the first of two rows (2, M), in the room: BLAS is quick from two columns on."""
    left = np.zeros((len(column), 2), column.dtype)
    left[:, :1] = column
    return np.matmul(left, rows, out=room[: len(column)])


def _beside(left: Array, right: Array) -> Array:
    """Two columns (R, 1) as (R, 2)."""
    return np.concatenate([left, right], axis=1)


def _room(x: Array) -> Array:
    """As much as a block of rows."""
    return on_lines((min(len(x), _rows_together(x)), x.shape[1]), x.dtype)


def _rows_together(x: Array) -> int:
    return max(1, _TOGETHER // x.shape[1])


def _row_blocks(x: Array) -> Iterator[slice]:
    """Slices of so many rows as have `_TOGETHER` numbers."""
    step = _rows_together(x)
    return (slice(start, start + step) for start in range(0, len(x), step))


def _far(mean: Array, dot: Callable[[Array, Array], Array], x: Array, m: int) -> tuple[Array, Array]:
    """The means that are too large beside the deviation, else 0; and σ² = Σx²/M - μ², for those that are not."""
    with np.errstate(over="ignore", invalid="ignore"):
        most = mean * mean
        variance = dot(x, x) / m - most
        near = most.real <= _FAR * variance.real  # false where a square is beyond the range of numbers
    return np.where(near, 0, mean), variance


def row_sum(x: Array) -> Array:
    """Σ along every row, (R, 1)."""
    return x @ np.ones((x.shape[1], 1), x.dtype)


def row_dot(x: Array, y: Array) -> Array:
    """Σ x · y along every row, (R, 1); no conjugate."""
    return (x[:, None, :] @ y[:, :, None])[:, 0]


def _inverse_root(square: Array, eps: float) -> Array:
    square += eps
    return 1 / np.sqrt(square)


# Groups of channels of (N, C, …) whose every channel has a gain and a bias of its own. Images may lie batch-last, as
# convolution leaves them; what is made of them lies like them. Groups are gone through in blocks as rows are, and every
# channel of an example is scaled and shifted once, y = a x + b and dx = e dy + h x + k: x need not be centred but where
# its mean is so large that Σx²/M - μ² would lose digits, and is all that is kept.


@_harmless
def standard_groups(x: Array, groups: int, gain: Array | None, bias: Array | None, eps: float) -> tuple[Array, Kept]:
    """y of x (N, C, …), its channels in so many groups, and what to keep beside x; gain and bias (C,)."""
    own = _groups_of(x, groups)
    planes, gains, biases = own.planes(x), own.channels(gain, 1, x.dtype), own.channels(bias, 0, x.dtype)
    y, m = on_lines(planes.shape, planes.dtype), math.prod(x.shape[1:]) // groups

    def dot(a: Array, b: Array) -> Array:
        return _together(own.dot(a, b))

    kept = []
    for block in own.blocks():
        p = planes[block]
        mean = _together(own.sum(p)) / m
        off, square = _far(mean, dot, p, m)
        if off.any():
            p, mean = p - own.spread(off), mean - off
            square = dot(p, p) / m - mean * mean
        r = _inverse_root(square, eps)
        a = r * gains[block]
        out = np.multiply(p, own.spread(a), out=y[block])
        out += own.spread(biases[block] - mean * a)
        kept.append(Kept(r, mean, off))
    return own.back(y), Kept(*map(np.concatenate, zip(*kept, strict=True)))


@_harmless
def standard_groups_adjoint(
    dy: Array, x: Array, kept: Kept, groups: int, gain: Array | None, input_gradient: bool = True
) -> tuple[Array | None, Array, Array]:
    """(dx, dg, db), all from the sums of dy and of dy · x over each channel of each example."""
    own, m = _groups_of(x, groups), math.prod(x.shape[1:]) // groups
    dys, planes, gains = own.planes(laid_like(dy, x)), own.planes(x), own.channels(gain, 1, dy.dtype)
    dx = on_lines(dys.shape, dys.dtype) if input_gradient else None
    room = on_lines(dys[own.blocks()[0]].shape, dys.dtype)
    found = []
    for block in own.blocks():
        p, d, (r, mean, off) = planes[block], dys[block], (part[block] for part in kept)
        if off.any():
            p = p - own.spread(off)
        sums = own.sum(d)
        dots = (own.dot(d, p) - mean * sums) * r
        found.append((sums, dots))
        if dx is None:
            continue
        to_mean, to_root = (_together(v * gains[block]) * r / m for v in (sums, dots))
        out = np.multiply(d, own.spread(r * gains[block]), out=dx[block])
        share = np.multiply(p, own.spread(r * to_root), out=room[: len(p)])
        share += own.spread(to_mean - mean * r * to_root)
        out -= share
    dbias, dgain = (own.over_examples(np.concatenate(parts)) for parts in zip(*found, strict=True))
    return None if dx is None else own.back(dx), dgain, dbias


def _together(v: Array) -> Array:
    """Sums of planes (R, C / G, …) summed over each group, (R, 1, …)."""
    return np.add.reduce(v, axis=1, keepdims=True)


class _Groups(NamedTuple):
    """Arrays (N, C, …) as groups of planes in their order of memory.

    They are (N · G, C / G, L), and what there is of each plane (N · G, C / G); or batch-last (G, C / G, L / B, B · N),
    and (G, C / G, N). B positions side by side make runs in memory that are long enough to be quick.
    """

    shape: tuple[int, ...]
    groups: int
    side: int  # B, 0 where the batch comes first

    def planes(self, x: Array) -> Array:
        n, c = self.shape[:2]
        if self.side:
            return x.transpose(*range(1, x.ndim), 0).reshape(self.groups, c // self.groups, -1, self.side * n)
        return x.reshape(n * self.groups, c // self.groups, -1)

    def back(self, planes: Array) -> Array:
        n, *rest = self.shape
        return batch_first(planes.reshape(*rest, n)) if self.side else planes.reshape(self.shape)

    def blocks(self) -> list[slice]:
        """So many groups at a time as have `_TOGETHER` numbers."""
        rows = self.groups if self.side else self.groups * self.shape[0]
        step = max(1, _TOGETHER * rows // math.prod(self.shape))
        return [slice(start, start + step) for start in range(0, rows, step)]

    def channels(self, v: Array | None, default: int, dtype: np.dtype) -> Array:
        """v (C,) of the channels of every group."""
        n, c = self.shape[:2]
        own = np.full(c, default, dtype) if v is None else v
        if self.side:
            return own.reshape(self.groups, -1, 1)
        return np.broadcast_to(own, (n, c)).reshape(n * self.groups, -1)

    def over_examples(self, v: Array) -> Array:
        """What there is of each plane summed over the examples, (C,)."""
        return v.sum(axis=2).reshape(-1) if self.side else v.reshape(self.shape[:2]).sum(axis=0)

    def spread(self, v: Array) -> Array:
        """A number for each plane, against planes."""
        return np.tile(v, self.side)[:, :, None] if self.side else v[:, :, None]

    def sum(self, planes: Array) -> Array:
        """Σ over the positions of each plane."""
        if not self.side:
            return row_sum(planes.reshape(-1, planes.shape[2])).reshape(planes.shape[:2])
        return self._folded(np.ones((1, planes.shape[2]), planes.dtype) @ planes)

    def dot(self, x: Array, y: Array) -> Array:
        """Σ x · y over the positions of each plane; no conjugate."""
        if not self.side:
            rows = -1, x.shape[2]
            return row_dot(x.reshape(rows), y.reshape(rows)).reshape(x.shape[:2])
        return self._folded(np.einsum("gclw,gclw->gcw", x, y))

    def _folded(self, runs: Array) -> Array:
        """Sums of B positions side by side, summed over these."""
        n = self.shape[0]
        return np.add.reduce(runs.reshape(*runs.shape[:2], self.side, n), axis=2)


def _groups_of(x: Array, groups: int) -> _Groups:
    """How x lies; what lies in no order is taken as if the batch came first."""
    if x.ndim > 2 and x.transpose(*range(1, x.ndim), 0).flags.c_contiguous and not x.flags.c_contiguous:
        return _Groups(x.shape, groups, math.gcd(math.prod(x.shape[2:]), _SIDE_BY_SIDE))
    return _Groups(x.shape, groups, 0)
