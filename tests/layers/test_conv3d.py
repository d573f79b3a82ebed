"""Convolution of volumes, by hand; against loops in `test_convolution`."""

import numpy as np

from fnnet import layers, rng, tree


def test_by_hand():
    """A kernel of ones over the eight corners of a cube."""
    params = tree.record("Conv3d", ("weight", "bias"))(np.ones((1, 1, 2, 2, 2)), np.array([0.25]))
    y, vjp = layers.conv3d(1, 2).apply(params, np.arange(8.0).reshape(1, 1, 2, 2, 2))
    assert y.ravel().tolist() == [28.25]
    (dweight, dbias), dx = vjp(np.full((1, 1, 1, 1, 1), 2.0))
    assert dweight.ravel().tolist() == [0, 2, 4, 6, 8, 10, 12, 14]
    assert dbias.tolist() == [2]
    assert (dx == 2).all()


def test_a_kernel_of_one_slice_is_conv2d_of_every_slice():
    net, flat = layers.conv3d(3, (1, 3, 3)), layers.conv2d(3, 3)
    params = net.init(rng.key(0), (2, 4, 5, 5))
    x = rng.normal(rng.key(1), (2, 2, 4, 5, 5))
    y, _ = net.apply(params, x)
    for d in range(4):
        one, _ = flat.apply(params._replace(weight=params.weight[:, :, 0]), x[:, :, d])
        np.testing.assert_allclose(y[:, :, d], one, rtol=1e-5, atol=1e-6)
