"""Transposed convolution of images, by hand; against loops in `test_conv_transpose`."""

import numpy as np

from fnnet import layers, rng, tree


def test_by_hand():
    """Two pixels lay their multiples of a window of one row and two columns; the second overlaps the first."""
    params = tree.record("ConvTranspose2d", ("weight",))(np.array([[[[1.0, 2.0]]]]))
    y, vjp = layers.conv_transpose2d(1, (1, 2), bias=False).apply(params, np.array([[[[1.0, 10.0]]]]))
    assert y.tolist() == [[[[1, 12, 20]]]]
    (dweight,), dx = vjp(np.array([[[[1.0, 2.0, 3.0]]]]))
    assert dweight.tolist() == [[[[21, 32]]]]
    assert dx.tolist() == [[[[5, 8]]]]


def test_a_stride_of_the_kernel_repeats_pixels():
    net = layers.conv_transpose2d(1, 2, stride=2, bias=False)
    params, x = tree.record("ConvTranspose2d", ("weight",))(np.ones((1, 1, 2, 2))), rng.normal(rng.key(0), (1, 1, 2, 3))
    y, _ = net.apply(params, x.astype(float))
    np.testing.assert_array_equal(y, np.kron(x, np.ones((1, 1, 2, 2))))
