"""Looking into nets changes nothing about them."""

import numpy as np

from fnnet import layers, rng, tree
from fnnet.walk import replace


def nested():
    body = layers.serial(layers.dense(4), layers.tanh(), layers.dropout(0.5))
    return layers.serial(
        layers.residual(body),
        layers.frozen(layers.serial(layers.dense(4), layers.relu())),
        layers.parallel(layers.dense(2), layers.dense(3), combine="concatenate"),
        layers.batch_norm(),
    )


def test_paths_are_those_of_the_params():
    seen = []
    replace(lambda path, layer: seen.append((path, layer.name)) or layer, nested())
    assert seen == [
        ("residual_0.body.dense_0", "dense"),
        ("residual_0.body.tanh_0", "tanh"),
        ("residual_0.body.dropout_0", "dropout"),
        ("residual_0.shortcut", "identity"),
        ("serial_0.dense_0", "dense"),
        ("serial_0.relu_0", "relu"),
        ("parallel_0.dense_0", "dense"),
        ("parallel_0.dense_1", "dense"),
        ("batch_norm_0", "batch_norm"),
    ]
    paths = tree.paths(nested().init(rng.key(0), (4,)))
    assert {path.rpartition(".")[0] for path in paths} <= {path for path, _ in seen}


def test_a_layer_of_its_own_has_the_empty_path():
    seen = []
    layer = layers.dense(3)
    assert replace(lambda path, layer: seen.append(path) or layer, layer) is layer
    assert seen == [""]


def test_the_same_net_comes_back():
    net = nested()
    again = replace(lambda path, layer: layer, net)
    params, other = net.init(rng.key(0), (4,)), again.init(rng.key(0), (4,))
    assert tree.structure(params) == tree.structure(other)
    assert again.shape((4,)) == net.shape((4,)) == (5,)
    x = rng.normal(rng.key(1), (3, 4))
    for mine, yours in ((net, again), (net.train(rng.key(2)), again.train(rng.key(2)))):
        y, vjp = mine.apply(params, x)
        z, other_vjp = yours.apply(other, x)
        assert y.tobytes() == z.tobytes()
        one, two = vjp(np.ones_like(y)), other_vjp(np.ones_like(z))
        assert one[1].tobytes() == two[1].tobytes()
        for leaf, twin in zip(tree.leaves(one[0]), tree.leaves(two[0]), strict=True):
            assert tree.array(leaf).tobytes() == tree.array(twin).tobytes()


def test_a_replaced_layer_is_used():
    net = layers.serial(layers.dense(3), layers.relu())
    linear = replace(lambda path, layer: layers.identity() if layer.name == "relu" else layer, net)
    params = net.init(rng.key(0), (2,))
    assert params._fields == ("dense_0", "relu_0")
    x = rng.normal(rng.key(1), (5, 2))
    y, _ = linear.apply(params, x)
    assert (y < 0).any()
    np.testing.assert_array_equal(np.maximum(y, 0), net.apply(params, x)[0])
