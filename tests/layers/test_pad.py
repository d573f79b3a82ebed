import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import layers
from fnnet.errors import ConfigError, ShapeError
from tests.kernels.arrays import floats
from tests.layers.spaces import laid, orders

# The place in a b c … of size n that is seen at place p outside of it, None for the constant.
SEEN = {
    "constant": lambda p, n: None,
    "reflect": lambda p, n: -p if p < 0 else 2 * (n - 1) - p,
    "replicate": lambda p, n: 0 if p < 0 else n - 1,
    "circular": lambda p, n: p + n if p < 0 else p - n,
}


@st.composite
def padded(draw):
    mode = draw(st.sampled_from(sorted(SEEN)))
    sides = draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=3).map(tuple))
    least = {"reflect": 1, "circular": 0}
    sizes = [max(1, max(side) + least[mode]) if mode in least else 1 for side in sides]
    return mode, sides, (2, draw(st.integers(1, 2)), *(size + draw(st.integers(0, 2)) for size in sizes))


@settings(derandomize=True, deadline=None, max_examples=80)
@given(padded(), orders, orders)
def test_agrees_with_loops(case, x_order, dy_order):
    mode, sides, shape = case
    net = layers.pad(sides, mode=mode, **({"value": 7.5} if mode == "constant" else {}))
    x = floats(0, shape)
    y, vjp = net.apply((), laid(x, x_order))
    assert y.shape == (2, *net.shape(shape[1:]))
    dy = floats(1, y.shape)
    wanted, slope = np.full(y.shape, 7.5), np.zeros(shape)
    for place in np.ndindex(y.shape):
        source = list(place[:2])
        for p, (before, _), size in zip(place[2:], sides, shape[2:], strict=True):
            at = p - before
            source.append(at if 0 <= at < size else SEEN[mode](at, size))
        if None not in source:
            wanted[place] = x[tuple(source)]
            slope[tuple(source)] += dy[place]
    np.testing.assert_array_equal(y, wanted)
    np.testing.assert_allclose(vjp(laid(dy, dy_order))[1], slope, rtol=1e-12, atol=1e-14)


def test_amounts_for_all_axes_for_each_and_for_each_side():
    assert layers.pad(2).shape((1, 3, 4)) == layers.pad((2, 2)).shape((1, 3, 4)) == (1, 7, 8)
    assert layers.pad(((2, 2), [1, 0])).shape((1, 3, 4)) == (1, 7, 5)
    assert layers.pad(1).shape((1, 3)) == (1, 5)


def test_misfits_say_what_is_wrong():
    for amounts in (-1, 1.5, (1, -1), ((1, 2, 3),), "ab", (), None):
        with pytest.raises(ConfigError, match="amounts: expected a whole number ≥ 0"):
            layers.pad(amounts)
    with pytest.raises(
        ConfigError, match="mode: expected 'constant' or 'reflect' or 'replicate' or 'circular', got 'zer"
    ):
        layers.pad(1, mode="zeros")
    with pytest.raises(ConfigError, match="value: expected a finite number, got nan"):
        layers.pad(1, value=float("nan"))
    with pytest.raises(ShapeError, match=r"\(N, C, …\) with 2 axes behind the channels, got \(N, 3, 4\)"):
        layers.pad((1, 1)).shape((3, 4))
    with pytest.raises(ShapeError, match=r"\(N, C, …\) with axes behind the channels, got \(N, 3\)"):
        layers.pad(1).shape((3,))
    with pytest.raises(ShapeError, match="less than the size 2 of the axis, in mode 'reflect', got 2"):
        layers.pad(2, mode="reflect").shape((1, 2))
    with pytest.raises(ShapeError, match="at most the size 2 of the axis, in mode 'circular', got 3"):
        layers.pad(((0, 3),), mode="circular").shape((1, 2))
