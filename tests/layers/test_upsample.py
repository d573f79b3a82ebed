import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import layers
from fnnet.errors import ConfigError, ShapeError
from tests.kernels.arrays import floats
from tests.layers.spaces import laid, orders


def weight(mode, t):
    """Of a neighbour at the distance t; Keys' cubic with a = -¾."""
    if mode == "bilinear":
        return max(0.0, 1 - t)
    if t <= 1:
        return 1.25 * t**3 - 2.25 * t**2 + 1
    return -0.75 * (t**3 - 5 * t**2 + 8 * t - 4) if t < 2 else 0.0


def along(line, f, mode, aligned):
    """One line of numbers, place by place."""
    size = len(line)
    found = []
    for v in range(size * f):
        if mode == "nearest":
            found.append(line[v // f])
            continue
        u = v * (size - 1) / max(size * f - 1, 1) if aligned else (v + 0.5) / f - 0.5
        near = range(math.floor(u) - 2, math.floor(u) + 4)
        found.append(sum(line[min(max(p, 0), size - 1)] * weight(mode, abs(u - p)) for p in near))
    return np.array(found)


modes = st.sampled_from([("nearest", False), *((m, a) for m in ("bilinear", "bicubic") for a in (False, True))])
cases = st.integers(1, 3).flatmap(
    lambda dims: st.tuples(*(st.tuples(*(st.integers(1, 4 if dims < 3 else 2) for _ in range(dims))) for _ in range(2)))
)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(cases, modes, orders, orders)
def test_agrees_with_loops(case, how, x_order, dy_order):
    (sizes, factors), (mode, aligned) = case, how
    x = floats(0, (2, 2, *sizes))
    y, vjp = layers.upsample(factors, mode=mode, align_corners=aligned).apply((), laid(x, x_order))
    wanted = x
    for axis, f in enumerate(factors, start=2):
        wanted = np.apply_along_axis(along, axis, wanted, f, mode, aligned)
    np.testing.assert_allclose(y, wanted, rtol=1e-12, atol=1e-12)
    dy = floats(1, y.shape)
    dx = vjp(laid(dy, dy_order))[1]
    # a linear map: its transpose is the one with which both products agree, for every x
    other = floats(2, x.shape)
    pushed, _ = layers.upsample(factors, mode=mode, align_corners=aligned).apply((), other)
    np.testing.assert_allclose((dx * other).sum(), (dy * pushed).sum(), rtol=1e-9, atol=1e-9)


def test_by_hand():
    x = np.array([[[1.0, 2.0]]])
    assert layers.upsample(2).apply((), x)[0].tolist() == [[[1, 1, 2, 2]]]
    assert layers.upsample(2, mode="bilinear").apply((), x)[0].tolist() == [[[1, 1.25, 1.75, 2]]]
    aligned = layers.upsample(2, mode="bilinear", align_corners=True).apply((), x)[0]
    np.testing.assert_allclose(aligned, [[[1, 4 / 3, 5 / 3, 2]]])


def test_what_does_not_vary_stays():
    x = np.full((1, 1, 3, 4), 2.5, np.float32)
    for mode in ("nearest", "bilinear", "bicubic"):
        y, _ = layers.upsample((2, 3), mode=mode).apply((), x)
        assert y.dtype == np.float32
        np.testing.assert_allclose(y, 2.5, rtol=1e-6)


def test_misfits_say_what_is_wrong():
    for factor in (0, 1.5, (2, 0), "2", ()):
        with pytest.raises(ConfigError, match="factor: expected a whole number ≥ 1"):
            layers.upsample(factor)
    with pytest.raises(ConfigError, match="mode: expected 'nearest' or 'bilinear' or 'bicubic', got 'linear'"):
        layers.upsample(2, mode="linear")
    with pytest.raises(ConfigError, match="align_corners: expected False with mode 'nearest', got True"):
        layers.upsample(2, align_corners=True)
    with pytest.raises(ShapeError, match=r"\(N, C, …\) with 2 axes behind the channels, got 1 of them"):
        layers.upsample((2, 2)).shape((3, 4))
    with pytest.raises(ShapeError, match=r"\(N, C, …\) with axes behind the channels, got 0 of them"):
        layers.upsample(2).shape((3,))
