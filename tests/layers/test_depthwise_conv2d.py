"""Depthwise convolutions are convolutions in groups of one channel."""

import numpy as np
import pytest

from fnnet import layers, rng, summary, tree
from fnnet.errors import ConfigError, ShapeError
from tests.kernels.arrays import floats


def test_depthwise_is_a_convolution_in_as_many_groups_as_channels():
    options = {"stride": (2, 1), "padding": ((1, 0), 2), "dilation": (1, 2), "padding_mode": "reflect"}
    net = layers.depthwise_conv2d((3, 2), multiplier=2, **options)
    same = layers.conv2d(6, (3, 2), groups=3, **options)
    params, x = tree.cast(net.init(rng.key(0), (3, 5, 6)), np.float64), floats(1, (2, 3, 5, 6))
    y, vjp = net.apply(params, x)
    want, pull = same.apply(params, x)
    np.testing.assert_array_equal(y, want)
    for got, other in zip(tree.leaves(vjp(y)), tree.leaves(pull(y)), strict=True):
        np.testing.assert_array_equal(got, other)
    assert net.shape((3, 5, 6)) == same.shape((3, 5, 6))
    assert summary.summary(net, (3, 5, 6))[0].multiply_adds == summary.summary(same, (3, 5, 6))[0].multiply_adds


def test_a_channel_sees_no_other():
    net = layers.depthwise_conv2d(2)
    params = net.init(rng.key(0), (3, 4, 4))
    _, vjp = net.apply(params, np.ones((1, 3, 4, 4), np.float32))
    dy = np.zeros((1, 3, 3, 3), np.float32)
    dy[:, 1] = 1
    dx = vjp(dy)[1]
    assert dx[:, 1].any()
    assert not dx[:, [0, 2]].any()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: layers.depthwise_conv2d(0), ConfigError, "kernel: expected a whole number ≥ 1, got 0"),
        (
            lambda: layers.depthwise_conv2d(3, multiplier=0),
            ConfigError,
            "multiplier: expected a whole number ≥ 1, got 0",
        ),
        (lambda: layers.depthwise_conv2d(3, bias=1), ConfigError, "bias: expected True or False, got 1"),
        (lambda: layers.depthwise_conv2d(3).shape((4,)), ShapeError, r"depthwise_conv2d: input: expected images"),
        (
            lambda: layers.depthwise_conv2d(3).shape((1, 2, 2)),
            ShapeError,
            r"kernel: expected at most the image \(2, 2\)",
        ),
    ],
)
def test_options_out_of_range_and_misfits(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_params_of_other_channels():
    net = layers.depthwise_conv2d(3)
    with pytest.raises(ShapeError, match=r"weight: expected \(4, C/4, 3, 3\), got \(2, 1, 3, 3\); make params with"):
        net.apply(net.init(rng.key(0), (2, 4, 4)), np.ones((1, 4, 4, 4), np.float32))
