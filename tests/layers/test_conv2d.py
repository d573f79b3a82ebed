from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import layers, rng, tree
from fnnet.errors import ConfigError, ShapeError, StructureError
from tests.kernels.arrays import floats, fractions, image_windows, laid, orders
from tests.oracles import conv

Conv2d = tree.record("Conv2d", ("weight", "bias"))


@settings(derandomize=True, deadline=None, max_examples=150)
@given(image_windows(), st.integers(1, 3), orders, orders)
def test_agrees_with_loops(window, channels, x_order, dy_order):
    shape, kernel, stride, padding = window
    net = layers.conv2d(channels, kernel, stride=stride, padding=padding)
    x, weight, bias = floats(1, shape), floats(2, (channels, shape[1], *kernel)), floats(3, (channels,))
    both = tuple((p, p) for p in padding)
    y, vjp = net.apply(Conv2d(weight, bias), laid(x, x_order))
    assert y.shape == (shape[0], *net.shape(shape[1:]))
    np.testing.assert_allclose(y, conv.convolve(x, weight, bias, stride, both), rtol=1e-12, atol=1e-12)
    dy = floats(4, y.shape)
    (dweight, dbias), dx = vjp(laid(dy, dy_order))
    wanted = conv.gradients(x, weight, dy, stride, both)
    for got, want in zip((dweight, dbias, dx), wanted, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
    assert dweight.flags.c_contiguous
    assert dbias.flags.c_contiguous


@settings(derandomize=True, deadline=None, max_examples=40)
@given(image_windows(most=4), st.integers(1, 2), orders)
def test_is_exact_on_fractions(window, channels, order):
    shape, kernel, stride, padding = window
    x, weight, bias = fractions(1, shape), fractions(2, (channels, shape[1], *kernel)), fractions(3, (channels,))
    both = tuple((p, p) for p in padding)
    y, vjp = layers.conv2d(channels, kernel, stride=stride, padding=padding).apply(Conv2d(weight, bias), laid(x, order))
    assert (y == conv.convolve(x, weight, bias, stride, both)).all()
    dy = fractions(4, y.shape)
    (dweight, dbias), dx = vjp(dy)
    for got, want in zip((dweight, dbias, dx), conv.gradients(x, weight, dy, stride, both), strict=True):
        assert (got == want).all()


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding"),
    [
        (5, 3, 1, (1, 1)),
        (6, 3, 2, (0, 1)),
        (5, 3, 2, (1, 1)),
        (7, 2, 1, (0, 1)),
        (4, 1, 3, (0, 0)),
        (4, 1, 2, (0, 0)),
        (3, 5, 2, (2, 2)),
    ],
)
def test_same_padding_keeps_the_size_and_puts_an_odd_element_behind(size, kernel, stride, padding):
    net = layers.conv2d(1, kernel, stride=stride, padding="same", bias=False)
    x, weight = floats(1, (2, 1, size, size)), floats(2, (1, 1, kernel, kernel))
    y, vjp = net.apply(tree.record("Conv2d", ("weight",))(weight), x)
    assert y.shape[2:] == (-(-size // stride),) * 2
    strides, both = (stride, stride), (padding, padding)
    np.testing.assert_allclose(y, conv.convolve(x, weight, None, strides, both), rtol=1e-12, atol=1e-12)
    (dweight,), dx = vjp(y)
    wanted_dweight, _, wanted_dx = conv.gradients(x, weight, y, strides, both)
    np.testing.assert_allclose(dweight, wanted_dweight, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dx, wanted_dx, rtol=1e-12, atol=1e-12)


def test_by_hand():
    """A 2×2 kernel at the top left corner: 1·1 + 2·2 + 3·4 + 4·5 + ½, not flipped."""
    x = np.arange(1.0, 10.0).reshape(1, 1, 3, 3)
    y, _ = layers.conv2d(1, 2).apply(Conv2d(np.array([[[[1.0, 2], [3, 4]]]]), np.array([0.5])), x)
    assert y[0, 0].tolist() == [[37.5, 47.5], [67.5, 77.5]]


def test_no_bias_no_leaf():
    params = layers.conv2d(2, 3, bias=False).init(rng.key(0), (1, 5, 5))
    assert tree.paths(params) == ["weight"]


def test_asked_for_no_input_gradient_it_makes_none():
    net = layers.conv2d(2, 3)
    params = net.init(rng.key(0), (1, 5, 5))
    y, vjp = net.apply(params, np.ones((2, 1, 5, 5), np.float32))
    dparams, dx = vjp(y, input_gradient=False)
    assert dx is None
    assert (dparams.weight == vjp(y)[0].weight).all()


def test_two_applies_do_not_disturb_each_other():
    net = layers.conv2d(3, 3, padding=1)
    params = net.init(rng.key(0), (2, 6, 6))
    a, b = (rng.normal(rng.key(i), (4, 2, 6, 6)) for i in range(2))
    dy = rng.normal(rng.key(2), (4, 3, 6, 6))
    y_a, vjp_a = net.apply(params, a)
    (dweight, dbias), dx = vjp_a(dy)
    before = [array.copy() for array in (y_a, dweight, dbias, dx)]
    y_b, vjp_b = net.apply(params, b)
    vjp_b(y_b)
    (dweight_again, dbias_again), dx_again = vjp_a(dy)
    for old, now in zip(before * 2, (y_a, dweight, dbias, dx, y_a, dweight_again, dbias_again, dx_again), strict=True):
        assert (old == now).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": 0}, "channels: expected a whole number ≥ 1, got 0"),
        ({"channels": 2.0}, "channels: expected a whole number ≥ 1, got 2.0"),
        ({"kernel": 0}, "kernel: expected a whole number ≥ 1, got 0"),
        ({"kernel": (3, 3, 3)}, r"kernel: expected a whole number or a pair \(rows, columns\)"),
        ({"stride": 0}, "stride: expected a whole number ≥ 1, got 0"),
        ({"stride": (1, 0)}, "stride: expected a whole number ≥ 1, got 0"),
        ({"padding": -1}, "padding: expected a whole number ≥ 0, got -1"),
        ({"padding": "valid"}, "padding: expected .* a pair of them or \"same\", got 'valid'"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(ConfigError, match=message):
        layers.conv2d(**{"channels": 2, "kernel": 3, **options})


def test_misfits_say_what_is_wrong():
    net = layers.conv2d(4, 3)
    params = net.init(rng.key(0), (3, 8, 8))
    with pytest.raises(ShapeError, match=r"conv2d: kernel: expected at most the image \(2, 8\), got \(3, 3\)"):
        net.shape((3, 2, 8))
    with pytest.raises(ShapeError, match=r"at most the padded image \(4, 8\), got \(7, 7\)"):
        layers.conv2d(4, 7, padding=1).init(rng.key(0), (3, 2, 6))
    with pytest.raises(ShapeError, match=r"expected images \(N, C, H, W\), got \(N, 8, 8\); add the channel axis"):
        net.shape((8, 8))
    with pytest.raises(ShapeError, match=r"x: expected \(N, 3, H, W\) for weight .* got \(2, 1, 8, 8\)"):
        net.apply(params, np.ones((2, 1, 8, 8), np.float32))
    with pytest.raises(ShapeError, match=r"; if x is \(N, H, W, C\), pass x\.transpose\(0, 3, 1, 2\)$"):
        net.apply(params, np.ones((2, 8, 8, 3), np.float32))
    with pytest.raises(ShapeError, match=r"for weight \(4, 6, 3, 3\), got \(2, 5, 4, 3\)$"):
        net.apply(net.init(rng.key(0), (6, 8, 8)), np.ones((2, 5, 4, 3), np.float32))
    with pytest.raises(ShapeError, match=r"x of shape \(3, 8, 8\) is one example without its batch axis"):
        net.apply(params, np.ones((3, 8, 8), np.float32))
    with pytest.raises(ShapeError, match=r"weight: expected \(4, C, 5, 3\), got \(4, 3, 3, 3\)"):
        layers.conv2d(4, (5, 3)).apply(params, np.ones((2, 3, 8, 8), np.float32))
    without = layers.conv2d(4, 3, bias=False).init(rng.key(0), (3, 8, 8))
    with pytest.raises(StructureError, match="bias: expected a trained array, got no such field"):
        net.apply(without, np.ones((2, 3, 8, 8), np.float32))


def test_fractions_stay_fractions():
    x, weight, bias = fractions(1, (1, 1, 3, 3)), fractions(2, (1, 1, 2, 2)), fractions(3, (1,))
    y, _ = layers.conv2d(1, 2).apply(Conv2d(weight, bias), x)
    assert all(isinstance(v, Fraction) for v in y.ravel())
