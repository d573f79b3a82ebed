"""The trainable pooling of 1998."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import layers, optim, rng, tree
from fnnet.errors import ShapeError
from tests.kernels.arrays import fractions
from tests.layers.spaces import pools
from tests.oracles import pool

drawn = st.sampled_from([1, 2, 2, 3]).flatmap(lambda dims: pools(dims, fractions, plain=True))


@settings(derandomize=True, deadline=None, max_examples=50)
@given(drawn)
def test_agrees_with_loops(drawn):
    x, kernel, stride, sides, _, _ = drawn
    net = layers.scale_pool(kernel, stride, padding=sides, dims=len(kernel))
    params = tree.record("ScalePool", ("gain", "bias"))(fractions(3, x.shape[1:2]), fractions(4, x.shape[1:2]))
    y, vjp = net.apply(params, x)
    found = pool.windows(x.shape[2:], kernel, stride, sides)
    sums, channels = pool.total(x, found), (-1, *(1,) * len(kernel))
    assert (y == params.gain.reshape(channels) * sums + params.bias.reshape(channels)).all()
    dy = fractions(2, y.shape)
    (dgain, dbias), dx = vjp(dy)
    rest = (0, *range(2, x.ndim))
    assert (dgain == (dy * sums).sum(axis=rest)).all()
    assert (dbias == dy.sum(axis=rest)).all()
    assert (dx == pool.pulled(x, dy * params.gain.reshape(channels), found, lambda *_: 1)).all()


def test_it_starts_as_the_mean():
    net, x = layers.scale_pool(2), rng.normal(rng.key(0), (2, 3, 6, 6))
    np.testing.assert_array_equal(net.apply(net.init(rng.key(1), (3, 6, 6)), x)[0], layers.avg_pool(2).apply((), x)[0])


def test_the_subsampling_of_lenet_5_has_12_and_32_params():
    """LeCun et al. 1998, sec. II.B: layer S2 has 12 trainable parameters, S4 has 32."""
    for channels, size, n in ((6, 28, 12), (16, 10, 32)):
        params = layers.scale_pool(2).init(rng.key(0), (channels, size, size))
        assert sum(leaf.size for leaf in tree.leaves(params)) == n
        assert not any(optim.is_weight(path, leaf) for path, leaf in tree.items(params))


def test_params_of_other_channels():
    net = layers.scale_pool(2)
    with pytest.raises(ShapeError, match=r"gain: expected \(4,\), got \(3,\); make params with this layer's init"):
        net.apply(net.init(rng.key(0), (3, 4, 4)), np.ones((1, 4, 4, 4), np.float32))
