"""Transposed convolution of signals, by hand; against loops in `test_conv_transpose`."""

import numpy as np

from fnnet import layers, tree


def test_by_hand():
    """1 and 10, two apart, each lay their multiple of 1 2 3."""
    params = tree.record("ConvTranspose1d", ("weight", "bias"))(np.array([[[1.0, 2.0, 3.0]]]), np.array([0.5]))
    y, vjp = layers.conv_transpose1d(1, 3, stride=2, output_padding=1).apply(params, np.array([[[1.0, 10.0]]]))
    assert y.tolist() == [[[1.5, 2.5, 13.5, 20.5, 30.5, 0.5]]]
    (dweight, dbias), dx = vjp(np.array([[[1.0, 0, 0, 0, 1, 7]]]))
    assert dweight.tolist() == [[[1, 0, 10]]]
    assert dbias.tolist() == [9]
    assert dx.tolist() == [[[1, 3]]]
