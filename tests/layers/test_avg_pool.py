"""Average pooling: the mean of each window, with padding counted or not."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import layers
from tests.kernels.arrays import floats, fractions, image_windows, laid, orders
from tests.oracles import pool

POOLS = [layers.max_pool, layers.avg_pool]


def assert_same(got, want):
    """Exact numbers exactly, floats to rounding: elements of overlapping windows sum in another order."""
    if got.dtype == object:
        assert (got == want).all()
    else:
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(image_windows(reach=True), st.booleans(), st.sampled_from([floats, fractions]), orders, orders)
def test_avg_pool_agrees_with_loops(window, count_padding, values, x_order, dy_order):
    shape, *options = window
    kernel, stride, padding = options
    x = values(1, shape)
    net = layers.avg_pool(kernel, stride, padding=padding, count_padding=count_padding)
    y, vjp = net.apply((), laid(x, x_order))
    assert y.shape == (shape[0], *net.shape(shape[1:]))
    assert_same(y, pool.avg_pool(x, *options, count_padding))
    dy = values(2, y.shape)
    assert_same(vjp(laid(dy, dy_order))[1], pool.avg_pool_gradient(x, dy, *options, count_padding))


def test_averages_by_hand():
    x = np.arange(1.0, 5.0).reshape(1, 1, 2, 2)
    counted, _ = layers.avg_pool(2, stride=1, padding=1).apply((), x)
    inside, _ = layers.avg_pool(2, stride=1, padding=1, count_padding=False).apply((), x)
    assert counted[0, 0].tolist() == [[0.25, 0.75, 0.5], [1, 2.5, 1.5], [0.75, 1.75, 1]]
    assert inside[0, 0].tolist() == [[1, 1.5, 2], [2, 2.5, 3], [3, 3.5, 4]]
