import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import layers
from fnnet.errors import ConfigError, ShapeError
from tests.kernels.arrays import floats
from tests.layers.spaces import laid, orders

shapes = st.lists(st.integers(1, 4), min_size=2, max_size=4).map(tuple)


@settings(derandomize=True, deadline=None, max_examples=50)
@given(shapes, st.sampled_from([1, 3, 5, 9]), st.sampled_from([0.5, 0.75, 2.0]), orders, orders)
def test_agrees_with_loops(shape, size, beta, x_order, dy_order):
    alpha, k = 0.7, 1.5
    x, dy = floats(0, shape), floats(1, shape)
    y, vjp = layers.local_response_norm(size, alpha=alpha, beta=beta, k=k).apply((), laid(x, x_order))
    dx = vjp(laid(dy, dy_order))[1]
    wanted, slope = np.zeros(shape), np.zeros(shape)
    for n, c, *rest in np.ndindex(shape):
        near = [j for j in range(shape[1]) if abs(j - c) <= size // 2]
        s = k + alpha / size * sum(x[n, j, *rest] ** 2 for j in near)
        wanted[n, c, *rest] = x[n, c, *rest] / s**beta
        slope[n, c, *rest] += dy[n, c, *rest] / s**beta
        for j in near:  # how y_c moves with x_j, through s_c
            slope[n, j, *rest] -= (
                dy[n, c, *rest] * x[n, c, *rest] * beta * s ** (-beta - 1) * 2 * alpha / size * x[n, j, *rest]
            )
    np.testing.assert_allclose(y, wanted, rtol=1e-12)
    np.testing.assert_allclose(dx, slope, rtol=1e-10, atol=1e-12)


def test_tiny_and_no_numbers_are_silent():
    x = np.array([[0.0, 1e-30, -1e-25]], np.float32)
    with np.errstate(all="raise"):
        y, vjp = layers.local_response_norm(3).apply((), x)
        dx = vjp(x)[1]
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(dx, x)
    assert y.dtype == dx.dtype == np.float32


def test_misfits_say_what_is_wrong():
    for size in (2, 4):
        with pytest.raises(ConfigError, match=f"size: expected an odd number of channels, got {size}"):
            layers.local_response_norm(size)
    with pytest.raises(ConfigError, match=r"k: expected a number in \(0, inf\], got 0.0"):
        layers.local_response_norm(5, k=0)
    with pytest.raises(ConfigError, match="alpha: expected a number"):
        layers.local_response_norm(5, alpha=-1)
    with pytest.raises(ShapeError, match=r"expected \(N, C, …\), got \(N,\)"):
        layers.local_response_norm(5).shape(())
