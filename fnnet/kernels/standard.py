"""Numbers brought to a standard size: rows, or groups of channels, made to have mean 0 and mean square 1.

With M values together, c = x - μ where there is a centre (else c = x), and r = 1 / √(Σc²/M + ε):

    μ = Σx / M,    ŷ = r c,    y = g ŷ + b
    dx = r (d - Σd / M - ŷ · Σ(d ŷ) / M)    with d = g dy, and without a centre no term Σd / M

The variance takes two passes (centre, then square), so it does not suffer from a large mean. Sums are products of BLAS,
which read memory once and make no array of products; everything else is written into the kernel's own arrays.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fnnet.kernels.order import batch_first, laid_like
from fnnet.types import Array

_TOGETHER = 2**17  # numbers of a block: fewer cost more in calls than the cache gives back
_FAR = 8  # μ² / σ² above which Σx²/M - μ² loses more than a digit
_SIDE_BY_SIDE = 16  # positions of images that lie batch-last, at most
_harmless = np.errstate(under="ignore")  # squares and products that vanish beside a sum


# Rows (R, M) whose every element has a gain and a bias of its own, the same for all rows. They are gone through in
# blocks that stay in the cache of the processor from one pass to the next.


@_harmless
def standard_rows(
    x: Array, gain: Array | None, bias: Array | None, eps: float, centre: bool
) -> tuple[Array, Array, Array]:
    """(y, ŷ, r) of x (R, M) in C order; gain and bias (M,), r (R, 1)."""
    m = x.shape[1]
    hat, r = np.empty_like(x), np.empty((len(x), 1), x.dtype)
    y = hat if gain is None and bias is None else np.empty_like(x)
    for block in _row_blocks(x):
        own, standard = x[block], hat[block]
        if centre:
            own = np.subtract(own, row_sum(own) / m, out=standard)
        r[block] = _inverse_root(row_dot(own, own) / m, eps)
        out = np.multiply(own, r[block], out=standard)
        if gain is not None:
            out = np.multiply(standard, gain, out=y[block])
        if bias is not None:
            np.add(out, bias, out=y[block])
    return y, hat, r


@_harmless
def standard_rows_adjoint(
    dy: Array, hat: Array, r: Array, gain: Array | None, centre: bool, input_gradient: bool = True
) -> tuple[Array | None, Array, Array]:
    """(dx, dg, db) of dy (R, M) in C order; without `input_gradient` dx is None."""
    m, dtype = dy.shape[1], np.result_type(dy, hat)
    dgain, dbias = np.zeros(m, dtype), np.zeros(m, dtype)
    dx = np.empty_like(dy, dtype) if input_gradient else None
    for block in _row_blocks(dy):
        d, standard = dy[block], hat[block]
        dgain += np.einsum("rm,rm->m", d, standard)
        dbias += np.ones(len(d), d.dtype) @ d
        if dx is None:
            continue
        out = np.multiply(d, 1 if gain is None else gain, out=dx[block])
        share = standard * (row_dot(out, standard) / m)
        if centre:
            share += row_sum(out) / m
        out -= share
        out *= r[block]
    return dx, dgain, dbias


def _row_blocks(x: Array) -> Iterator[slice]:
    """Slices of so many rows as have `_TOGETHER` numbers."""
    step = max(1, _TOGETHER // x.shape[1])
    return (slice(start, start + step) for start in range(0, len(x), step))


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


class Kept(NamedTuple):
    """What the way back needs of groups: r, the mean of what is left of x, and what is taken off it before all else.

    All three (R, 1) or batch-last (G, 1, N), see `_Groups`. What is taken off is 0, or the mean where it is large.
    """

    r: Array
    mean: Array
    off: Array


@_harmless
def standard_groups(x: Array, groups: int, gain: Array | None, bias: Array | None, eps: float) -> tuple[Array, Kept]:
    """y of x (N, C, …), its channels in so many groups, and what to keep beside x; gain and bias (C,)."""
    own = _groups_of(x, groups)
    planes, gains, biases = own.planes(x), own.channels(gain, 1, x.dtype), own.channels(bias, 0, x.dtype)
    y, m = np.empty_like(planes), math.prod(x.shape[1:]) // groups
    kept = []
    for block in own.blocks():
        p = planes[block]
        mean = _together(own.sum(p)) / m
        off, square = _far(own, p, mean, m)
        if off.any():
            p, mean = p - own.spread(off), mean - off
            square = _together(own.dot(p, p)) / m - mean * mean
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
    dx, room = np.empty_like(dys) if input_gradient else None, np.empty_like(dys[own.blocks()[0]])
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


def _far(own: "_Groups", planes: Array, mean: Array, m: int) -> tuple[Array, Array]:
    """The means that are too large beside the deviation, else 0; and σ² = Σx²/M - μ², for those that are not."""
    with np.errstate(over="ignore", invalid="ignore"):
        most = mean * mean
        variance = _together(own.dot(planes, planes)) / m - most
        near = most.real <= _FAR * variance.real  # false where a square is beyond the range of numbers
    return np.where(near, 0, mean), variance


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
