"""The layer that does nothing: the same array, there and back."""

import numpy as np

from fnnet import layers, rng


def test_what_goes_in_comes_out():
    net, x, dy = layers.identity(), rng.normal(rng.key(0), (3, 4)), np.ones((3, 4), np.float32)
    assert net.init(rng.key(0), (4,)) == ()
    assert net.shape((2, 3)) == (2, 3)
    y, vjp = net.apply((), x)
    assert y is x
    assert vjp(dy)[1] is dy
    assert vjp(dy, input_gradient=False)[0] == ()
