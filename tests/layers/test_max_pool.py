"""Max pooling: the largest of each window, and who gets its gradient."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import layers, recipe
from fnnet.errors import ArgumentError, ConfigError, ShapeError
from tests.kernels.arrays import floats, fractions, laid, orders, small_integers
from tests.layers.spaces import pools
from tests.layers.test_pool import assert_same
from tests.oracles import pool

drawn = st.sampled_from([1, 2, 2, 3]).flatmap(
    lambda dims: st.sampled_from([floats, small_integers, fractions]).flatmap(lambda values: pools(dims, values))
)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(drawn, orders, orders)
def test_agrees_with_loops(drawn, x_order, dy_order):
    x, kernel, stride, sides, dilation, ceil = drawn
    dims = len(kernel)
    net = layers.max_pool(kernel, stride, padding=sides, dilation=dilation, ceil=ceil, dims=dims)
    x = laid(x, x_order) if dims == 2 else x
    found = pool.windows(x.shape[2:], kernel, stride, sides, dilation, ceil)
    y, vjp = net.apply((), x)
    assert y.shape == (len(x), *net.shape(x.shape[1:]))
    assert (y == pool.largest(x, found)).all()
    dy = floats(2, y.shape) if x.dtype == float else fractions(2, y.shape)
    assert_same(vjp(laid(dy, dy_order) if dims == 2 else dy)[1], pool.largest_gradient(x, dy, found))


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


def test_a_last_window_counts_unless_it_begins_behind_the_image():
    assert layers.max_pool(2, ceil=True).shape((1, 5, 4)) == (1, 3, 2)
    assert layers.max_pool(1, 3, dims=1, ceil=True).shape((1, 5)) == (1, 2)
    assert layers.max_pool(2, 2, padding=1, dims=1, ceil=True).shape((1, 3)) == (1, 2)
    y, _ = layers.max_pool(2, dims=1, ceil=True).apply((), np.array([[[1.0, 2.0, -3.0]]]))
    assert y.tolist() == [[[2, -3]]]


def test_a_net_of_before_is_the_same():
    assert recipe.from_json({"max_pool": {"kernel": 2, "stride": None, "padding": 0}}) == layers.max_pool(2)
    assert repr(layers.max_pool(3, 2)) == "layers.max_pool(3, stride=2)"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: layers.max_pool(2, dilation=0), ConfigError, "dilation: expected a whole number ≥ 1, got 0"),
        (lambda: layers.max_pool(2, ceil=1), ConfigError, "ceil: expected True or False, got 1"),
        (lambda: layers.max_pool(2, dims=4), ConfigError, "dims: expected 1, 2 or 3 axes behind the channels, got 4"),
        (lambda: layers.max_pool((2, 2), dims=1), ConfigError, "kernel: expected a whole number or a sequence of one"),
        (
            lambda: layers.max_pool(2, padding=(0, 2), dims=1),
            ConfigError,
            r"padding: expected less than the kernel 2, got \(0, 2\); or windows would lie wholly in the padding",
        ),
        (lambda: layers.max_pool(2, dims=1).shape((3, 4, 4)), ShapeError, r"expected signals \(N, C, L\), got"),
        (lambda: layers.max_pool(2, dims=3).shape((3, 4, 4)), ShapeError, r"expected volumes \(N, C, D, H, W\), got"),
        (
            lambda: layers.max_pool(2, dilation=3, padding=1, dims=1).shape((1, 2)),
            ShapeError,
            "window: expected every one to meet an element, got one that lies wholly in the padding",
        ),
        (lambda: layers.max_pool(2, 2, 1), ArgumentError, "got 3 without a name"),
    ],
)
def test_options_out_of_range(make, error, message):
    with pytest.raises(error, match=message):
        make()
