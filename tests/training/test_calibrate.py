import numpy as np
import pytest

from fnnet import layers, rng, training, tree
from fnnet.errors import DataError
from tests.training.cases import KEY

X = rng.normal(rng.key(8), (300, 4)) * 3 + 1
BATCHES = [(X[i : i + 50], None) for i in range(0, 300, 50)]


def test_statistics_are_those_of_the_net_without_dropout():
    net = layers.serial(
        layers.dense(5), layers.relu(), layers.dropout(0.5), layers.batch_norm(decay=0.0), layers.dense(2)
    )
    params = net.init(KEY, (4,))
    found = training.calibrate(net, params, BATCHES)
    hidden = np.maximum(BATCHES[-1][0] @ params.dense_0.weight + params.dense_0.bias, 0)
    np.testing.assert_allclose(found.batch_norm_0.mean.array, hidden.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(found.batch_norm_0.variance.array, hidden.var(axis=0, ddof=1), rtol=1e-5)
    assert all(leaf is twin for leaf, twin in zip(found.dense_0, params.dense_0, strict=True))
    assert found.batch_norm_0.gain is params.batch_norm_0.gain


def test_moving_average_over_batches_in_nested_nets():
    net = layers.serial(layers.residual(layers.serial(layers.batch_norm(decay=0.5), layers.dropout(0.9))))
    found = training.calibrate(net, net.init(KEY, (4,)), BATCHES)
    mean = np.zeros(4)
    for x, _ in BATCHES:
        mean = 0.5 * mean + 0.5 * x.mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(found.residual_0.body.batch_norm_0.mean.array, mean, rtol=1e-5)
    assert not found.residual_0.body.batch_norm_0.mean.array.flags.writeable


def test_frozen_statistics_stay():
    net = layers.serial(layers.frozen(layers.batch_norm()), layers.dense(2))
    params = net.init(KEY, (4,))
    assert all(
        leaf is twin
        for leaf, twin in zip(*map(tree.leaves, (training.calibrate(net, params, BATCHES), params)), strict=True)
    )


def test_batches_are_pairs():
    net = layers.batch_norm()
    with pytest.raises(DataError, match=r"batch: expected a pair \(x, target\), or .*, got a ndarray"):
        training.calibrate(net, net.init(KEY, (4,)), [X])
