"""R4's formulas, which did not work there, are right: they give what our layers give."""

import numpy as np
import pytest

from fnnet import layers, rng, tree
from tests.oracles import report_formulas as oracle


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding"), [(6, 3, 1, 0), (6, 3, 1, 1), (7, 3, 2, 0), (8, 3, 2, 1), (7, 2, 3, 0)]
)
def test_convolution(size, kernel, stride, padding):
    x = rng.normal(rng.key(1), (2, 3, size, size), np.float64)
    net = layers.conv2d(4, kernel, stride=stride, padding=padding)
    params = tree.cast(net.init(rng.key(0), x.shape[1:]), np.float64)
    y, vjp = net.apply(params, x)
    dy = rng.normal(rng.key(2), y.shape, np.float64)
    dparams, dx = vjp(dy)
    np.testing.assert_allclose(dparams.weight, oracle.weight_gradient(x, dy, kernel, stride, padding), atol=1e-12)
    np.testing.assert_allclose(dx, oracle.input_gradient(params.weight, dy, x.shape, stride, padding), atol=1e-12)


def test_without_dilation_or_rotation_they_would_be_wrong():
    x = rng.normal(rng.key(1), (1, 1, 7, 7), np.float64)
    net = layers.conv2d(1, 3, stride=2)
    params = tree.cast(net.init(rng.key(0), x.shape[1:]), np.float64)
    y, vjp = net.apply(params, x)
    dparams, dx = vjp(y)
    flipped = params.weight[:, :, ::-1, ::-1]
    assert np.abs(dx - oracle.input_gradient(flipped, y, x.shape, 2, 0)).max() > 0.1
    undilated = oracle.slide(x[0, 0], y[0, 0])[:3, :3]
    assert np.abs(dparams.weight[0, 0] - undilated).max() > 0.1


def test_max_pooling_by_a_record_mask():
    x = rng.normal(rng.key(1), (2, 3, 6, 6), np.float64)
    x[0, 0, :2, :2] = 1.0  # a tie: the first element is recorded
    y, vjp = layers.max_pool(2).apply((), x)
    wanted, record = oracle.max_pool(x, 2)
    dy = rng.normal(rng.key(2), y.shape, np.float64)
    np.testing.assert_array_equal(y, wanted)
    np.testing.assert_array_equal(vjp(dy)[1], oracle.max_pool_gradient(dy, record, 2))
