"""What tests of layers over signals, images and volumes draw."""

import numpy as np
from hypothesis import strategies as st

ORDERS = {
    "plain": np.ascontiguousarray,
    "batch last": lambda x: np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0),
    "reversed": lambda x: x.T.copy().T,
    "backwards": lambda x: np.flip(np.flip(x).copy()),
    "every second": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
}
orders = st.sampled_from(sorted(ORDERS))


def laid(x, order):
    """The same numbers, in memory in another order, read-only."""
    y = ORDERS[order](x)
    y.flags.writeable = False
    return y


@st.composite
def convolutions(draw, dims, modes=("zeros", "zeros", "reflect", "replicate", "circular")):
    """(shape of x, options of a convolution that fits): sides as pairs, everything else one number an axis."""
    kernel, stride, dilation = (tuple(draw(st.integers(1, 3)) for _ in range(dims)) for _ in range(3))
    mode, groups = draw(st.sampled_from(modes)), draw(st.integers(1, 3))
    sides, sizes = [], []
    for k, d in zip(kernel, dilation, strict=True):
        before, after = draw(st.integers(0, 2)), draw(st.integers(0, 2))
        most = max(before, after)
        least = max((k - 1) * d + 1 - before - after, {"reflect": most + 1, "circular": most}.get(mode, 1), 1)
        sides.append((before, after))
        sizes.append(least + draw(st.integers(0, 3 if dims < 3 else 1)))
    shape = (draw(st.integers(1, 2)), groups * draw(st.integers(1, 2)), *sizes)
    options = {"stride": stride, "padding": tuple(sides), "dilation": dilation, "groups": groups, "padding_mode": mode}
    return shape, kernel, groups * draw(st.integers(1, 2)), options


@st.composite
def pools(draw, dims, values, plain=False):
    """(x, kernel, stride, sides, dilation, ceil) of a pool that fits, every window of which meets an element.

    `plain` pools have neither gaps nor a last window that reaches out.
    """
    shape, kernel, stride, sides, dilation = [draw(st.integers(1, 2)), draw(st.integers(1, 2))], [], [], [], []
    for _ in range(dims):
        k, d = draw(st.integers(1, 4 if dims < 3 else 2)), 1 if plain else draw(st.integers(1, 2))
        span = (k - 1) * d + 1
        before, after = (draw(st.integers(0, min(span - 1, 2))) for _ in range(2))
        least = max(span - before - after, 1 if d == 1 else d)  # no step is over all elements
        shape.append(least + draw(st.integers(0, 4 if dims < 3 else 2)))
        kernel.append(k)
        stride.append(draw(st.integers(1, 3)))
        sides.append((before, after))
        dilation.append(d)
    x = values(1, tuple(shape))
    return x, tuple(kernel), tuple(stride), tuple(sides), tuple(dilation), False if plain else draw(st.booleans())


@st.composite
def transposed(draw, dims):
    """(shape of x, kernel, channels, options of a transposed convolution that fits)."""
    kernel, stride, dilation = (tuple(draw(st.integers(1, 3)) for _ in range(dims)) for _ in range(3))
    groups, sides, sizes, extra = draw(st.integers(1, 2)), [], [], []
    for k, s, d in zip(kernel, stride, dilation, strict=True):
        size, more = draw(st.integers(1, 4 if dims < 3 else 2)), draw(st.integers(0, s - 1))
        full = (size - 1) * s + (k - 1) * d + 1 + more
        before = draw(st.integers(0, min(2, full - 1)))
        sides.append((before, draw(st.integers(0, min(2, full - 1 - before)))))
        sizes.append(size)
        extra.append(more)
    options = {"stride": stride, "padding": tuple(sides), "output_padding": tuple(extra), "dilation": dilation}
    shape = (draw(st.integers(1, 2)), groups * draw(st.integers(1, 2)), *sizes)
    return shape, kernel, groups * draw(st.integers(1, 2)), {**options, "groups": groups}
