"""Named layers: another name where a net tells and numbers its children, and nothing else."""

import numpy as np
import pytest

from fnnet import errors, layers, rng, tree
from fnnet.summary import summary

INNER = layers.serial(layers.dense(4), layers.batch_norm(), layers.dropout(0.5), layers.dense(2))


def test_a_name_stands_in_paths_and_messages():
    net = layers.serial(layers.named("encoder", INNER), layers.relu())
    assert [name for name, _ in net] == ["encoder_0", "relu_0"]
    assert net["encoder_0"].name == "encoder"
    params = net.init(rng.key(0), (3,))
    assert tree.paths(params)[0] == "encoder_0.dense_0.weight"
    assert next(row.path for row in summary(net, (3,))) == "encoder_0.dense_0"
    with pytest.raises(errors.ShapeError, match="serial > encoder_0 > dense_0"):
        net.apply(params, np.ones((2, 5), np.float32))


def test_it_computes_what_the_layer_computes():
    net = layers.named("encoder", INNER)
    params, x = net.init(rng.key(0), (3,)), rng.normal(rng.key(1), (6, 3))
    for one, other in ((net, INNER), (net.train(rng.key(2)), INNER.train(rng.key(2)))):
        (y, vjp), (wanted, pullback) = one.apply(params, x), other.apply(params, x)
        np.testing.assert_array_equal(y, wanted)
        np.testing.assert_array_equal(vjp(y)[1], pullback(y)[1])
    assert net.train(rng.key(2)).name == "encoder"


def test_a_summary_counts_the_work_of_a_named_layer():
    plain, other = (layers.serial(layer) for layer in (layers.dense(4), layers.named("head", layers.dense(4))))
    ((one,), (two,)) = summary(plain, (3,)), summary(other, (3,))
    assert one.multiply_adds == two.multiply_adds == 12
    assert (one.parameters, one.out_shape) == (two.parameters, two.out_shape)


@pytest.mark.parametrize("name", ["", "a b", "1a", "class", "_a", 3])
def test_a_name_is_a_word(name):
    with pytest.raises(errors.ConfigError, match="name"):
        layers.named(name, layers.relu())
