"""Transposed convolution of volumes, by hand; against loops in `test_conv_transpose`."""

import numpy as np

from fnnet import layers, rng, tree


def test_by_hand():
    """One voxel lays a cube of ones, of which padding cuts the first slice off."""
    params = tree.record("ConvTranspose3d", ("weight", "bias"))(np.ones((1, 1, 2, 2, 2)), np.array([0.25]))
    net = layers.conv_transpose3d(1, 2, padding=((1, 0), 0, 0))
    y, vjp = net.apply(params, np.full((1, 1, 1, 1, 1), 3.0))
    assert y.tolist() == [[[[[3.25, 3.25], [3.25, 3.25]]]]]
    (dweight, dbias), dx = vjp(np.arange(4.0).reshape(1, 1, 1, 2, 2))
    assert dweight.ravel().tolist() == [0, 0, 0, 0, 0, 3, 6, 9]
    assert dbias.tolist() == [6]
    assert dx.item() == 6


def test_a_kernel_of_one_slice_is_conv_transpose2d_of_every_slice():
    net, flat = layers.conv_transpose3d(3, (1, 3, 3)), layers.conv_transpose2d(3, 3)
    params, x = net.init(rng.key(0), (2, 4, 3, 3)), rng.normal(rng.key(1), (2, 2, 4, 3, 3))
    y, _ = net.apply(params, x)
    for d in range(4):
        one, _ = flat.apply(params._replace(weight=params.weight[:, :, 0]), x[:, :, d])
        np.testing.assert_allclose(y[:, :, d], one, rtol=1e-5, atol=1e-6)
