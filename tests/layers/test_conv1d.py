"""Convolution of signals, by hand; against loops in `test_convolution`."""

import numpy as np

from fnnet import layers, rng, tree


def test_by_hand():
    """[1, 2] slides along 1 2 3: 1·1 + 2·2 + ½, 1·2 + 2·3 + ½, not flipped."""
    params = tree.record("Conv1d", ("weight", "bias"))(np.array([[[1.0, 2.0]]]), np.array([0.5]))
    y, vjp = layers.conv1d(1, 2).apply(params, np.array([[[1.0, 2.0, 3.0]]]))
    assert y.tolist() == [[[5.5, 8.5]]]
    (dweight, dbias), dx = vjp(np.array([[[1.0, 10.0]]]))
    assert dweight.tolist() == [[[21.0, 32.0]]]
    assert dbias.tolist() == [11.0]
    assert dx.tolist() == [[[1.0, 12.0, 20.0]]]


def test_dilated_by_hand():
    params = tree.record("Conv1d", ("weight",))(np.array([[[1.0, 10.0]]]))
    y, _ = layers.conv1d(1, 2, dilation=3, bias=False).apply(params, np.arange(5.0).reshape(1, 1, 5))
    assert y.tolist() == [[[30.0, 41.0]]]


def test_a_row_of_an_image_is_a_signal():
    params = layers.conv2d(3, (1, 3), padding=(0, 1)).init(rng.key(0), (2, 1, 6))
    x = np.arange(24, dtype=np.float32).reshape(2, 2, 6)
    image, _ = layers.conv2d(3, (1, 3), padding=(0, 1)).apply(params, x[:, :, None])
    signal, _ = layers.conv1d(3, 3, padding=1).apply(params._replace(weight=params.weight[:, :, 0]), x)
    np.testing.assert_array_equal(signal, image[:, :, 0])
