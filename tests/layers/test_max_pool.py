"""Max pooling: the largest of each window, and who gets its gradient."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import layers
from tests.kernels.arrays import floats, fractions, image_windows, laid, orders, small_integers
from tests.oracles import pool

POOLS = [layers.max_pool, layers.avg_pool]


def assert_same(got, want):
    """Exact numbers exactly, floats to rounding: elements of overlapping windows sum in another order."""
    if got.dtype == object:
        assert (got == want).all()
    else:
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(image_windows(reach=True), st.sampled_from([floats, small_integers, fractions]), orders, orders)
def test_max_pool_agrees_with_loops(window, values, x_order, dy_order):
    shape, *options = window
    kernel, stride, padding = options
    x = values(1, shape)
    net = layers.max_pool(kernel, stride, padding=padding)
    y, vjp = net.apply((), laid(x, x_order))
    assert y.shape == (shape[0], *net.shape(shape[1:]))
    assert (y == pool.max_pool(x, *options)).all()
    dy = values(2, y.shape)
    assert_same(vjp(laid(dy, dy_order))[1], pool.max_pool_gradient(x, dy, *options))


def test_ties_go_to_the_first_element_in_row_major_order():
    """The second element of the first row ties with the first of the second row."""
    x = np.array([[0.0, 7.0], [7.0, 0.0]]).reshape(1, 1, 2, 2)
    _, vjp = layers.max_pool(2).apply((), x)
    assert vjp(np.ones((1, 1, 1, 1)))[1].ravel().tolist() == [0, 1, 0, 0]


def test_padding_never_wins_even_against_minus_infinity():
    x = np.full((1, 1, 3, 3), -np.inf)
    y, vjp = layers.max_pool(2, padding=1).apply((), x)
    assert (y == -np.inf).all()
    assert vjp(np.ones(y.shape))[1].sum() == y.size
