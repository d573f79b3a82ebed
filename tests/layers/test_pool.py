import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import layers
from fnnet.errors import ConfigError, ShapeError
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
    x = values(1, shape)
    net = layers.max_pool(*options)
    y, vjp = net.apply((), laid(x, x_order))
    assert y.shape == (shape[0], *net.shape(shape[1:]))
    assert (y == pool.max_pool(x, *options)).all()
    dy = values(2, y.shape)
    assert_same(vjp(laid(dy, dy_order))[1], pool.max_pool_gradient(x, dy, *options))


@settings(derandomize=True, deadline=None, max_examples=200)
@given(image_windows(reach=True), st.booleans(), st.sampled_from([floats, fractions]), orders, orders)
def test_avg_pool_agrees_with_loops(window, count_padding, values, x_order, dy_order):
    shape, *options = window
    x = values(1, shape)
    net = layers.avg_pool(*options, count_padding=count_padding)
    y, vjp = net.apply((), laid(x, x_order))
    assert y.shape == (shape[0], *net.shape(shape[1:]))
    assert_same(y, pool.avg_pool(x, *options, count_padding))
    dy = values(2, y.shape)
    assert_same(vjp(laid(dy, dy_order))[1], pool.avg_pool_gradient(x, dy, *options, count_padding))


@pytest.mark.parametrize("net", [layers.max_pool(3, 2, 1), layers.avg_pool(3, 2, 1), layers.avg_pool(3, 2, 1, False)])
def test_float32_stays_float32(net):
    x = floats(1, (2, 3, 5, 5)).astype(np.float32)
    y, vjp = net.apply((), x)
    assert y.dtype == vjp(y)[1].dtype == np.float32


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


def test_averages_by_hand():
    x = np.arange(1.0, 5.0).reshape(1, 1, 2, 2)
    counted, _ = layers.avg_pool(2, stride=1, padding=1).apply((), x)
    inside, _ = layers.avg_pool(2, stride=1, padding=1, count_padding=False).apply((), x)
    assert counted[0, 0].tolist() == [[0.25, 0.75, 0.5], [1, 2.5, 1.5], [0.75, 1.75, 1]]
    assert inside[0, 0].tolist() == [[1, 1.5, 2], [2, 2.5, 3], [3, 3.5, 4]]


@pytest.mark.parametrize("layer", POOLS)
def test_dtype_and_memory_order_are_kept(layer):
    x = laid(np.ones((4, 2, 6, 6), np.float32), "batch last")
    y, vjp = layer(2).apply((), x)
    dx = vjp(np.ones(y.shape, np.float32))[1]
    assert y.dtype == dx.dtype == np.float32
    assert y.transpose(1, 2, 3, 0).flags.c_contiguous
    assert dx.strides == x.strides or layer is layers.avg_pool  # which has only dy to go by


@pytest.mark.parametrize("layer", POOLS)
def test_bad_options_and_misfits(layer):
    with pytest.raises(ConfigError, match="kernel: expected a whole number ≥ 1, got 0"):
        layer(0)
    with pytest.raises(ConfigError, match="stride: expected a whole number ≥ 1, got 0"):
        layer(2, stride=0)
    with pytest.raises(ConfigError, match="padding: expected a whole number ≥ 0, got -1"):
        layer(2, padding=-1)
    with pytest.raises(ConfigError, match=r"padding: expected less than the kernel \(2, 2\), got \(0, 2\)"):
        layer(2, padding=(0, 2))
    with pytest.raises(ConfigError, match=r"padding: expected less than the kernel \(2, 3\), got \(2, 0\)"):
        layer((2, 3), padding=(2, 0))
    with pytest.raises(ConfigError, match="padding: expected a whole number ≥ 0 or a pair of them, got 'same'"):
        layer(2, padding="same")
    with pytest.raises(ShapeError, match=r"kernel: expected at most the image \(1, 5\), got \(2, 2\)"):
        layer(2).apply((), np.ones((3, 2, 1, 5)))
    with pytest.raises(ShapeError, match=r"expected images \(N, C, H, W\), got \(N, 4\)"):
        layer(2).shape((4,))
