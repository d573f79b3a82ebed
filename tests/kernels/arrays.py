"""Arrays of every kind that layers must take: memory orders, holes between elements, read-only, exact numbers."""

from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from fnnet import rng


def _spread(x):
    wide = np.zeros(tuple(2 * n for n in x.shape), x.dtype)
    view = wide[(slice(None, None, 2),) * x.ndim]
    view[...] = x
    return view


def _as(*order):
    """Lay a 4-d array in memory by axes, outermost first."""
    return lambda x: np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))


ORDERS = {
    "batch first": np.ascontiguousarray,
    "batch last": _as(1, 2, 3, 0),
    "channels last": _as(0, 2, 3, 1),
    "rows outermost": _as(2, 3, 1, 0),
    "spread": _spread,
    "backwards": lambda x: np.ascontiguousarray(x[:, :, ::-1, ::-1])[:, :, ::-1, ::-1],
}

orders = st.sampled_from(sorted(ORDERS))


def laid(x, order):
    """x in a memory order, read-only."""
    x = ORDERS[order](x)
    x.flags.writeable = False
    return x


def floats(seed, shape):
    return rng.normal(rng.key(seed), shape, np.float64)


def small_integers(seed, shape):
    """Few different values, so that maxima tie."""
    return np.floor(rng.uniform(rng.key(seed), shape, -2, 3, np.float64))


def fractions(seed, shape):
    draws = rng.uniform(rng.key(seed), shape, -20, 20)
    return np.array([Fraction(int(v), 3) for v in draws.ravel()] + [None], object)[:-1].reshape(shape)


@st.composite
def image_windows(draw, reach=False, most=6):
    """(shape of x, kernel, stride, padding), the window fitting into the padded image; pairs are (rows, columns)."""
    shape = draw(st.tuples(*[st.integers(1, 3)] * 2, *[st.integers(1, most)] * 2))
    kernel, stride, padding = [], [], []
    for size in shape[2:]:
        pad = draw(st.integers(0, 2))
        kernel.append(draw(st.integers(min(pad + 1, size + 2 * pad) if reach else 1, min(size + 2 * pad, 4))))
        padding.append(pad if not reach or pad < kernel[-1] else kernel[-1] - 1)
        stride.append(draw(st.integers(1, 4)))
    return shape, tuple(kernel), tuple(stride), tuple(padding)
