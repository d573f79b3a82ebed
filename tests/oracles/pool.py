"""Pooling by its definition: plain loops over windows and their elements, in any dtype that compares and adds.

A window is the list of the places that it reads, in row-major order, padding left out; `sides` are pairs (before,
after), one for each axis behind the channels.
"""

import math

import numpy as np


def windows(shape, kernel, stride, sides, dilation=None, ceil=False):
    """For every output position, the positions its window reads and how many it reads with padding."""
    dilation = dilation or (1,) * len(shape)
    axes = list(zip(shape, kernel, stride, sides, dilation, strict=True))
    found = {}
    for o in np.ndindex(*(out_size(*axis, ceil) for axis in axes)):
        taps = [
            [p * s + j * d - before for j in range(k)] for p, (_, k, s, (before, _), d) in zip(o, axes, strict=True)
        ]
        counted = math.prod(
            sum(t < n + after for t in ts) for ts, (n, _, _, (_, after), _) in zip(taps, axes, strict=True)
        )
        places = [tuple(ts[j] for ts, j in zip(taps, at, strict=True)) for at in np.ndindex(*kernel)]
        found[o] = [at for at in places if all(0 <= t < n for t, n in zip(at, shape, strict=True))], counted
    return found


def out_size(size, k, s, sides, d, ceil):
    """Windows that fit; with `ceil` also one that reaches out, if it begins before the padding behind."""
    over = size + sum(sides) - (k - 1) * d - 1
    out = over // s + 1
    return out + 1 if ceil and over % s and out * s < size + sides[0] else out


def regions(shape, size):
    """For every output position, the positions of its region: from ⌊o·n/s⌋ to ⌈(o+1)·n/s⌉, not included."""
    found = {}
    for o in np.ndindex(*size):
        ends = [(math.floor(i * n / s), math.ceil((i + 1) * n / s)) for i, n, s in zip(o, shape, size, strict=True)]
        places = [
            tuple(a + i for (a, _), i in zip(ends, at, strict=True)) for at in np.ndindex(*(b - a for a, b in ends))
        ]
        found[o] = places, len(places)
    return found


def _pooled(x, found, value):
    y = np.zeros((*x.shape[:2], *(n + 1 for n in max(found))), x.dtype)
    for n, c in np.ndindex(*x.shape[:2]):
        for o, (read, counted) in found.items():
            y[(n, c, *o)] = value([x[(n, c, *at)] for at in read], counted)
    return y


def pulled(x, dy, found, share):
    dx = np.zeros(x.shape, x.dtype)
    for n, c in np.ndindex(*x.shape[:2]):
        for o, (read, counted) in found.items():
            elements = [x[(n, c, *at)] for at in read]
            for i, at in enumerate(read):
                dx[(n, c, *at)] += dy[(n, c, *o)] * share(elements, counted, i)
    return dx


def largest(x, found):
    return _pooled(x, found, lambda read, _: max(read))


def largest_gradient(x, dy, found):
    """All of dy to the first element, in row-major order, that equals the maximum."""
    return pulled(x, dy, found, lambda read, _, i: int(read.index(max(read)) == i))


def mean(x, found, count_padding):
    return _pooled(x, found, lambda read, counted: sum(read) / (counted if count_padding else len(read)))


def mean_gradient(x, dy, found, count_padding):
    dx = np.zeros(x.shape, x.dtype)
    for n, c in np.ndindex(*x.shape[:2]):
        for o, (read, counted) in found.items():
            for at in read:
                dx[(n, c, *at)] += dy[(n, c, *o)] / (counted if count_padding else len(read))
    return dx


def total(x, found):
    return _pooled(x, found, lambda read, _: sum(read))


def norm(x, p, found):
    return _pooled(x, found, lambda read, _: sum(abs(v) ** p for v in read) ** (1 / p))


def norm_gradient(x, dy, p, found):
    """dy · sign(x) |x|ᵖ⁻¹ · (Σ |x|ᵖ)^(1/p - 1), as it is written."""

    def share(read, _, i):
        whole = sum(abs(v) ** p for v in read)
        return np.sign(read[i]) * abs(read[i]) ** (p - 1) * whole ** (1 / p - 1) if whole else 0

    return pulled(x, dy, found, share)
