"""Transposed convolutions of one to three dimensions, against the definition in loops and against `conv`."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import layers, rng, tree
from fnnet.errors import ConfigError, ShapeError
from tests.kernels.arrays import floats, fractions, laid, orders
from tests.layers.spaces import convolutions, transposed
from tests.oracles import space

MAKE = {1: layers.conv_transpose1d, 2: layers.conv_transpose2d, 3: layers.conv_transpose3d}
CONV = {1: layers.conv1d, 2: layers.conv2d, 3: layers.conv3d}
Weights = tree.record("Weights", ("weight", "bias"))


def agrees_with_loops(drawn, values, order, assert_equal):
    shape, kernel, channels, options = drawn
    net = MAKE[len(kernel)](channels, kernel, **options)
    weight = values(2, net.init(rng.key(0), shape[1:]).weight.shape)
    x, bias = values(1, shape), values(3, (channels,))
    plain = options["stride"], options["padding"], options["dilation"], options["groups"]
    y, vjp = net.apply(Weights(weight, bias), laid(x, order))
    assert y.shape == (len(x), *net.shape(shape[1:]))
    assert_equal(y, space.transpose(x, weight, bias, *plain[:2], options["output_padding"], *plain[2:]))
    dy = values(4, y.shape)
    (dweight, dbias), dx = vjp(laid(dy, order))
    for got, want in zip((dweight, dx), space.transpose_gradients(x, weight, dy, *plain), strict=True):
        assert_equal(got, want)
    assert_equal(dbias, dy.sum(axis=(0, *range(2, dy.ndim))))
    assert dweight.flags.c_contiguous


def close(got, want):
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.sampled_from([1, 1, 2, 2, 3]).flatmap(transposed), orders)
def test_agrees_with_loops(drawn, order):
    agrees_with_loops(drawn, floats, order if len(drawn[1]) == 2 else "batch first", close)


@settings(derandomize=True, deadline=None, max_examples=15)
@given(st.sampled_from([1, 2, 3]).flatmap(transposed))
def test_is_exact_on_fractions(drawn):
    agrees_with_loops(drawn, fractions, "batch first", np.testing.assert_array_equal)


@settings(derandomize=True, deadline=None, max_examples=30)
@given(st.sampled_from([1, 2]).flatmap(lambda dims: convolutions(dims, modes=("zeros",))))
def test_is_the_adjoint_of_a_convolution(drawn):
    """The two have the same weights, bring each other's shapes back, and each is the other's derivative."""
    shape, kernel, channels, options = drawn
    options = {name: value for name, value in options.items() if name != "padding_mode"}
    conv = CONV[len(kernel)](channels, kernel, bias=False, **options)
    over = zip(shape[2:], kernel, options["padding"], options["dilation"], options["stride"], strict=True)
    lost = tuple((n + sum(sides) - (k - 1) * d - 1) % s for n, k, sides, d, s in over)
    net = MAKE[len(kernel)](shape[1], kernel, bias=False, output_padding=lost, **options)
    params = tree.cast(conv.init(rng.key(0), shape[1:]), np.float64)
    z = floats(1, shape)
    value, pull = conv.apply(params, z)
    assert net.shape(value.shape[1:]) == shape[1:]
    x = floats(2, value.shape)
    y, vjp = net.apply(params, x)
    close(y, pull(x)[1])
    close(vjp(z)[1], value)


@pytest.mark.parametrize(("stride", "kernel"), [(1, 3), (2, 3), (2, 4), (3, 2), (3, 1)])
def test_same_makes_stride_times_the_size(stride, kernel):
    net = layers.conv_transpose1d(1, kernel, stride=stride, padding="same", bias=False)
    assert net.shape((2, 5)) == (1, 5 * stride)
    params = tree.cast(net.init(rng.key(0), (2, 5)), np.float64)
    x = floats(1, (1, 2, 5))
    conv = layers.conv1d(2, kernel, stride=stride, padding="same", bias=False)
    z = floats(2, (1, 1, 5 * stride))
    value, _ = conv.apply(tree.record("Conv", ("weight",))(params.weight), z)
    close((value * x).sum(), (net.apply(params, x)[0] * z).sum())


def test_weights_have_the_fans_of_what_an_output_reads():
    net = layers.conv_transpose2d(4, 3, groups=2)
    weight = net.init(rng.key(0), (200, 2, 2)).weight
    assert weight.shape == (200, 2, 3, 3)
    np.testing.assert_allclose(weight.std(), np.sqrt(2 / (100 * 9)), rtol=0.05)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: layers.conv_transpose2d(2, 3, stride=(2, 3), output_padding=(1, 3)),
            ConfigError,
            "output_padding: expected less than the stride 3, got 3",
        ),
        (
            lambda: layers.conv_transpose1d(2, 3, stride=2, padding="same", output_padding=1),
            ConfigError,
            'output_padding: expected 0 with padding "same", which says the size, got 1',
        ),
        (
            lambda: layers.conv_transpose1d(2, 3, padding="causal"),
            ConfigError,
            'padding: expected .* or "same", got \'ca',
        ),
        (lambda: layers.conv_transpose2d(4, 3, groups=3), ConfigError, "groups: expected a divisor of the 4 channels"),
        (lambda: layers.conv_transpose2d(4, 3, output_padding=-1), ConfigError, "expected a whole number ≥ 0, got -1"),
        (
            lambda: layers.conv_transpose1d(2, 3, padding=2).shape((1, 1)),
            ShapeError,
            "padding: expected less than the 3 elements it is taken from, got 4",
        ),
        (
            lambda: layers.conv_transpose2d(2, 3).shape((3, 4)),
            ShapeError,
            r"input: expected images \(N, C, H, W\), got",
        ),
        (lambda: layers.conv_transpose2d(2, 3, groups=2).shape((3, 4, 4)), ShapeError, "channels that 2 groups divide"),
    ],
)
def test_options_out_of_range_and_misfits(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_params_of_another_layer():
    net = layers.conv_transpose2d(4, 3, groups=2)
    params = net.init(rng.key(0), (2, 4, 4))
    with pytest.raises(ShapeError, match=r"weight: expected \(C, 2, 5, 5\), got \(2, 2, 3, 3\); make params with this"):
        layers.conv_transpose2d(4, 5, groups=2).apply(params, np.ones((1, 2, 4, 4), np.float32))
    with pytest.raises(ShapeError, match=r"x: expected \(N, 2, H, W\) for weight \(2, 2, 3, 3\), got \(1, 4, 5, 2\)"):
        net.apply(params, np.ones((1, 4, 5, 2), np.float32))
