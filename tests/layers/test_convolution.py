"""Convolutions of one to three dimensions with gaps, groups and borders, against the definition in loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import layers, recipe, rng, tree
from fnnet.errors import ConfigError, ShapeError
from tests.kernels.arrays import floats, fractions, laid, orders
from tests.layers.spaces import convolutions
from tests.oracles import space

MAKE = {1: layers.conv1d, 2: layers.conv2d, 3: layers.conv3d}
Weights = tree.record("Weights", ("weight", "bias"))


def agrees_with_loops(drawn, values, order="batch first", assert_equal=np.testing.assert_array_equal):
    shape, kernel, channels, options = drawn
    net = MAKE[len(kernel)](channels, kernel, **options)
    weight = values(2, net.init(rng.key(0), shape[1:]).weight.shape)
    x, bias = values(1, shape), values(3, (channels,))
    loops = options["stride"], options["padding"], options["dilation"], options["groups"], options["padding_mode"]
    y, vjp = net.apply(Weights(weight, bias), laid(x, order))
    assert y.shape == (len(x), *net.shape(shape[1:]))
    assert_equal(y, space.convolve(x, weight, bias, *loops))
    dy = values(4, y.shape)
    (dweight, dbias), dx = vjp(laid(dy, order))
    for got, want in zip((dweight, dx), space.gradients(x, weight, dy, *loops), strict=True):
        assert_equal(got, want)
    assert_equal(dbias, dy.sum(axis=(0, *range(2, dy.ndim))))
    assert dweight.flags.c_contiguous


def close(got, want):
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


@settings(derandomize=True, deadline=None, max_examples=80)
@given(st.sampled_from([1, 1, 2, 2, 3]).flatmap(convolutions), orders)
def test_agrees_with_loops(drawn, order):
    agrees_with_loops(drawn, floats, order if len(drawn[1]) == 2 else "batch first", close)


@settings(derandomize=True, deadline=None, max_examples=20)
@given(st.sampled_from([1, 2, 3]).flatmap(convolutions))
def test_is_exact_on_fractions(drawn):
    agrees_with_loops(drawn, fractions)


def test_causal_outputs_read_nothing_that_comes_later():
    net = layers.conv1d(2, 3, padding="causal", dilation=2)
    params = net.init(rng.key(0), (1, 9))
    x = rng.normal(rng.key(1), (1, 1, 9))
    y, _ = net.apply(params, x)
    assert y.shape == (1, 2, 9)
    for t in range(9):
        z, _ = net.apply(params, np.where(np.arange(9) > t, np.float32(7), x))
        assert (z[..., : t + 1] == y[..., : t + 1]).all()
        assert t == 8 or (z[..., t + 1] != y[..., t + 1]).all()


def test_same_and_causal_with_a_stride():
    for padding in ("same", "causal"):
        assert layers.conv1d(1, 4, stride=3, padding=padding).shape((1, 10)) == (1, 4)
    assert layers.conv3d(1, 3, stride=2, padding="same", dilation=2).shape((1, 5, 6, 7)) == (1, 3, 3, 4)


def test_recipes_of_before_are_the_same_layer():
    """A file that says nothing of dilation, groups and modes."""
    old = {"conv2d": {"channels": 6, "kernel": 5, "stride": 1, "padding": 2, "bias": True}}
    assert recipe.from_json(old) == layers.conv2d(6, 5, padding=2)


def test_a_group_reads_its_own_channels_only():
    net = layers.conv2d(4, 1, groups=2)
    params = net.init(rng.key(0), (6, 1, 1))
    assert params.weight.shape == (4, 3, 1, 1)
    _, vjp = net.apply(params, np.ones((1, 6, 1, 1), np.float32))
    _, dx = vjp(np.float32([[1, 1, 0, 0]]).reshape(1, 4, 1, 1))
    assert dx[0, :3].all()
    assert not dx[0, 3:].any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.conv2d(4, 3, groups=3), r"groups: expected a divisor of the 4 channels, got 3"),
        (lambda: layers.conv2d(4, 3, groups=0), r"groups: expected a whole number ≥ 1, got 0"),
        (lambda: layers.conv1d(4, 3, dilation=0), r"dilation: expected a whole number ≥ 1, got 0"),
        (lambda: layers.conv1d(4, (3, 3)), r"kernel: expected a whole number or a sequence of one, got \(3, 3\)"),
        (lambda: layers.conv3d(4, (3, 3)), r"kernel: expected a whole number or a triple \(depth, rows, columns\)"),
        (
            lambda: layers.conv2d(4, 3, padding="causal"),
            r"padding: expected .* a pair of them or \"same\", got 'causal'",
        ),
        (lambda: layers.conv1d(4, 3, padding="full"), r"a pair \(before, after\), \"same\" or \"causal\", got 'full'"),
        (
            lambda: layers.conv2d(4, 3, padding=((1, 2, 3), 1)),
            r"padding: expected a pair \(before, after\) for each axis",
        ),
        (lambda: layers.conv2d(4, 3, padding=((1, -2), 1)), r"padding: expected a whole number ≥ 0, got -2"),
        (lambda: layers.conv2d(4, 3, padding_mode="mirror"), r"padding_mode: expected 'zeros' or .*, got 'mirror'"),
    ],
)
def test_options_out_of_range(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


@pytest.mark.parametrize(
    ("net", "shape", "message"),
    [
        (layers.conv1d(2, 3), (3,), r"conv1d: input: expected signals \(N, C, L\), got \(N, 3\); add the channel axis"),
        (layers.conv3d(2, 3), (1, 5, 5), r"input: expected volumes \(N, C, D, H, W\), got \(N, 1, 5, 5\)"),
        (layers.conv1d(2, 3), (1, 2), r"kernel: expected at most the signal 2, got 3; use a smaller kernel"),
        (layers.conv1d(2, 3, dilation=4), (1, 8), r"kernel, dilated: expected at most the signal 8, got 9"),
        (
            layers.conv2d(4, 3, groups=2),
            (3, 5, 5),
            r"input: expected channels that 2 groups divide, got \(N, 3, 5, 5\)",
        ),
        (
            layers.conv2d(4, 3, padding=3, padding_mode="reflect"),
            (3, 3, 9),
            r"padding: expected less than the size 3 of the axis, in mode 'reflect', got 3",
        ),
        (
            layers.conv1d(4, 3, padding=(0, 4), padding_mode="circular"),
            (3, 3),
            r"padding: expected at most the size 3 of the axis, in mode 'circular', got 4",
        ),
    ],
)
def test_misfits_say_what_is_wrong(net, shape, message):
    for call in (lambda: net.shape(shape), lambda: net.init(rng.key(0), shape)):
        with pytest.raises(ShapeError, match=message):
            call()


def test_params_of_another_layer():
    params = layers.conv1d(4, 3, groups=2).init(rng.key(0), (2, 8))
    with pytest.raises(ShapeError, match=r"x: expected \(N, 2, L\) for weight \(4, 1, 3\), got \(5, 4, 8\)"):
        layers.conv1d(4, 3, groups=2).apply(params, np.ones((5, 4, 8), np.float32))
    with pytest.raises(ShapeError, match=r"weight: expected \(4, C/2, 5\), got \(4, 1, 3\); make params with"):
        layers.conv1d(4, 5, groups=2).apply(params, np.ones((5, 2, 8), np.float32))
