"""Average pooling: the mean of each window, with padding counted or not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import layers
from fnnet.errors import ConfigError
from tests.kernels.arrays import floats, fractions, laid, orders
from tests.layers.spaces import pools
from tests.layers.test_pool import assert_same
from tests.oracles import pool

drawn = st.sampled_from([1, 2, 2, 3]).flatmap(
    lambda dims: st.sampled_from([floats, fractions]).flatmap(lambda values: pools(dims, values))
)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(drawn, st.booleans(), orders, orders)
def test_agrees_with_loops(drawn, count_padding, x_order, dy_order):
    x, kernel, stride, sides, dilation, ceil = drawn
    dims = len(kernel)
    options = {"padding": sides, "dilation": dilation, "ceil": ceil, "dims": dims}
    net = layers.avg_pool(kernel, stride, count_padding=count_padding, **options)
    x = laid(x, x_order) if dims == 2 else x
    found = pool.windows(x.shape[2:], kernel, stride, sides, dilation, ceil)
    y, vjp = net.apply((), x)
    assert y.shape == (len(x), *net.shape(x.shape[1:]))
    assert_same(y, pool.mean(x, found, count_padding))
    dy = floats(2, y.shape) if x.dtype == float else fractions(2, y.shape)
    assert_same(vjp(laid(dy, dy_order) if dims == 2 else dy)[1], pool.mean_gradient(x, dy, found, count_padding))


def test_averages_by_hand():
    x = np.arange(1.0, 5.0).reshape(1, 1, 2, 2)
    counted, _ = layers.avg_pool(2, stride=1, padding=1).apply((), x)
    inside, _ = layers.avg_pool(2, stride=1, padding=1, count_padding=False).apply((), x)
    assert counted[0, 0].tolist() == [[0.25, 0.75, 0.5], [1, 2.5, 1.5], [0.75, 1.75, 1]]
    assert inside[0, 0].tolist() == [[1, 1.5, 2], [2, 2.5, 3], [3, 3.5, 4]]


def test_what_lies_beyond_the_padding_never_counts():
    """The last window reads 3, one zero of padding and nothing."""
    y, _ = layers.avg_pool(3, padding=1, ceil=True, dims=1).apply((), np.array([[[1.0, 2.0, 3.0]]]))
    assert y.tolist() == [[[1, 1.5]]]


def test_count_padding_is_yes_or_no():
    with pytest.raises(ConfigError, match="count_padding: expected True or False, got 1"):
        layers.avg_pool(2, count_padding=1)
