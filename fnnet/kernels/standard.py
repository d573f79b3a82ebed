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
# convolution leaves them; what is made of them lies like them.


@_harmless
def standard_groups(
    x: Array, groups: int, gain: Array | None, bias: Array | None, eps: float
) -> tuple[Array, Array, Array]:
    """(y, c, r) of x (N, C, …), its channels in so many groups; gain and bias (C,), r (N, C)."""
    own = _planes_of(x)
    planes, m = own.planes(x), math.prod(x.shape[1:]) // groups
    centred = planes - own.spread(_together(own.sum(planes), groups) / m)
    r = _inverse_root(_together(own.dot(centred, centred), groups) / m, eps)
    y = centred * own.spread(r if gain is None else r * gain)
    if bias is not None:
        y += own.spread(np.broadcast_to(bias, r.shape))
    return own.back(y), own.back(centred), r


@_harmless
def standard_groups_adjoint(
    dy: Array, centred: Array, r: Array, groups: int, gain: Array | None, input_gradient: bool = True
) -> tuple[Array | None, Array, Array]:
    """(dx, dg, db), all from the sums of dy and of dy · c over each channel of each example."""
    own, m = _planes_of(centred), math.prod(dy.shape[1:]) // groups
    dy, centred = own.planes(laid_like(dy, centred)), own.planes(centred)
    sums, dots = own.sum(dy), own.dot(dy, centred) * r
    dgain, dbias = dots.sum(axis=0), sums.sum(axis=0)
    if not input_gradient:
        return None, dgain, dbias
    scale = r if gain is None else r * gain
    if gain is not None:
        sums, dots = sums * gain, dots * gain
    share = centred * own.spread(r * r * _together(dots, groups) / m)
    share += own.spread(r * _together(sums, groups) / m)
    dx = dy * own.spread(scale)
    dx -= share
    return own.back(dx), dgain, dbias


def _together(v: Array, groups: int) -> Array:
    """v (N, C) summed over each group, the sum given to each of its channels."""
    n, c = v.shape
    return np.repeat(np.add.reduce(v.reshape(n, groups, -1), axis=2), c // groups, axis=1)


class _Planes(NamedTuple):
    """Arrays (N, C, …) as planes in their order of memory: (N, C, L), or batch-last (C, L / B, B · N).

    B positions side by side make runs in memory that are long enough to be quick.
    """

    shape: tuple[int, ...]
    side: int  # B, 0 where the batch comes first

    def planes(self, x: Array) -> Array:
        n, c = self.shape[:2]
        if self.side:
            return x.transpose(*range(1, x.ndim), 0).reshape(c, -1, self.side * n)
        return x.reshape(n, c, -1)

    def back(self, planes: Array) -> Array:
        n, *rest = self.shape
        return batch_first(planes.reshape(*rest, n)) if self.side else planes.reshape(self.shape)

    def spread(self, v: Array) -> Array:
        """v (N, C), a number for each plane, against planes."""
        return np.tile(v.T, self.side)[:, None] if self.side else v[:, :, None]

    def sum(self, planes: Array) -> Array:
        """Σ over the positions, (N, C)."""
        n, c = self.shape[:2]
        if not self.side:
            return row_sum(planes.reshape(n * c, -1)).reshape(n, c)
        runs = np.ones((1, planes.shape[1]), planes.dtype) @ planes
        return np.add.reduce(runs.reshape(c, self.side, n), axis=1).T

    def dot(self, x: Array, y: Array) -> Array:
        """Σ x · y over the positions, (N, C); no conjugate."""
        n, c = self.shape[:2]
        return self.sum(x * y) if self.side else row_dot(x.reshape(n * c, -1), y.reshape(n * c, -1)).reshape(n, c)


def _planes_of(x: Array) -> _Planes:
    """How x lies; what lies in no order is taken as if the batch came first."""
    if x.ndim > 2 and x.transpose(*range(1, x.ndim), 0).flags.c_contiguous and not x.flags.c_contiguous:
        return _Planes(x.shape, math.gcd(math.prod(x.shape[2:]), _SIDE_BY_SIDE))
    return _Planes(x.shape, 0)
