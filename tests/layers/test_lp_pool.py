"""Pooling by norms: from sums to maxima."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import layers, rng
from fnnet.errors import ConfigError
from tests.kernels.arrays import floats
from tests.layers.spaces import pools
from tests.oracles import pool

drawn = st.sampled_from([1, 2, 2, 3]).flatmap(lambda dims: pools(dims, floats))


@settings(derandomize=True, deadline=None, max_examples=60)
@given(drawn, st.sampled_from([1, 1.5, 2, 3, 7]))
def test_agrees_with_loops(drawn, p):
    x, kernel, stride, sides, dilation, ceil = drawn
    net = layers.lp_pool(p, kernel, stride=stride, padding=sides, dilation=dilation, ceil=ceil, dims=len(kernel))
    found = pool.windows(x.shape[2:], kernel, stride, sides, dilation, ceil)
    y, vjp = net.apply((), x)
    np.testing.assert_allclose(y, pool.norm(x, p, found), rtol=1e-12)
    dy = floats(2, y.shape)
    np.testing.assert_allclose(vjp(dy)[1], pool.norm_gradient(x, dy, p, found), rtol=1e-10, atol=1e-12)


def test_a_large_p_is_the_maximum():
    x = np.abs(rng.normal(rng.key(0), (2, 3, 4, 4), np.float64))
    y, _ = layers.lp_pool(500, 2).apply((), x)
    np.testing.assert_allclose(y, layers.max_pool(2).apply((), x)[0], rtol=5e-3)


@pytest.mark.parametrize("p", [1, 1.5, 2, 3])
def test_a_window_of_zeros_has_the_norm_0_and_pulls_nothing(p):
    with np.errstate(all="raise"):
        y, vjp = layers.lp_pool(p, 2).apply((), np.zeros((1, 1, 2, 2)))
        assert y.item() == 0
        assert not vjp(np.ones((1, 1, 1, 1)))[1].any()


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_numbers_whose_powers_are_out_of_range(size):
    """3, 4, 0, 0 of any size has the norm 5 of it."""
    x = np.float32([3, 0, 4, 0]).reshape(1, 1, 2, 2) * np.float32(size)
    with np.errstate(all="raise"):
        y, vjp = layers.lp_pool(2, 2).apply((), x)
        dx = vjp(np.float32([[[[5]]]]))[1]
    np.testing.assert_allclose(y.item(), 5 * np.float32(size), rtol=1e-6)
    np.testing.assert_allclose(dx.ravel(), [3, 0, 4, 0], rtol=1e-6)


def test_no_norm():
    for p in (0.5, "2", None):
        with pytest.raises(ConfigError, match="p: expected a number in"):
            layers.lp_pool(p, 2)
