import numpy as np
import pytest

from fnnet import initializers, layers, rng, tree, walk
from fnnet.errors import ConfigError

KEY = rng.key(0)


def test_by_hand():
    params = tree.record("Dense", ("direction", "length"))(np.array([[3.0, 0.0], [4.0, 2.0]]), np.array([10.0, -1.0]))
    net = layers.weight_norm(layers.dense(2, bias=False))
    y, vjp = net.apply(params, np.eye(2))
    np.testing.assert_allclose(y, [[6, 0], [8, -1]])
    dparams, _ = vjp(np.array([[1.0, 5.0], [2.0, 7.0]]))
    np.testing.assert_allclose(dparams.length, [(3 + 8) / 5, 7])  # dw · v / ‖v‖
    np.testing.assert_allclose(dparams.direction[:, 0], 2 * (np.array([1, 2]) - 2.2 * np.array([0.6, 0.8])))
    np.testing.assert_allclose(dparams.direction[:, 1], [-2.5, 0])


@pytest.mark.parametrize(
    ("layer", "shape", "axis", "outputs"),
    [
        (layers.dense(3), (4,), None, 3),
        (layers.dense(3), (4,), 0, 4),
        (layers.conv2d(5, 3, bias=False), (2, 4, 4), None, 5),
        (layers.conv2d(5, 3), (2, 4, 4), 1, 2),
    ],
)
def test_it_begins_as_the_layer_does(layer, shape, axis, outputs):
    net = layers.weight_norm(layer, axis=axis)
    params, x = net.init(KEY, shape), rng.normal(rng.key(1), (2, *shape))
    assert net.name == layer.name
    assert params.length.shape == (outputs,)
    np.testing.assert_allclose(net.apply(params, x)[0], layer.apply(layer.init(KEY, shape), x)[0], rtol=1e-5, atol=1e-6)


def test_the_length_of_the_direction_does_not_matter():
    net = layers.weight_norm(layers.dense(3))
    params, x = net.init(KEY, (4,)), rng.normal(rng.key(1), (2, 4))
    longer = params._replace(direction=params.direction * np.array([1, 2, 3], np.float32))
    np.testing.assert_allclose(net.apply(longer, x)[0], net.apply(params, x)[0], rtol=1e-5)
    grad = net.apply(params, x)[1](np.ones((2, 3), np.float32))[0].direction
    np.testing.assert_allclose((grad * params.direction).sum(axis=0), 0, atol=1e-5)  # it turns, and does not grow


def test_a_direction_of_zeros_gives_zeros_in_silence():
    net = layers.weight_norm(layers.dense(2, bias=False))
    params = net.init(KEY, (3,))
    with np.errstate(all="raise"):
        y, vjp = net.apply(params._replace(direction=np.zeros((3, 2), np.float32)), np.ones((1, 3), np.float32))
        dparams, dx = vjp(np.ones_like(y))
    assert not any(array.any() for array in (y, dx, *dparams))


def test_every_layer_of_a_net_by_a_walk():
    net = walk.replace(
        lambda path, layer: layers.weight_norm(layer) if layer.name == "dense" else layer,
        layers.serial(layers.dense(3), layers.relu(), layers.dense(2)),
    )
    params = net.init(KEY, (4,))
    assert tree.paths(params)[:3] == ["dense_0.direction", "dense_0.length", "dense_0.bias"]
    assert net == layers.serial(layers.weight_norm(layers.dense(3)), layers.relu(), layers.weight_norm(layers.dense(2)))


def test_misfits_say_what_is_wrong():
    with pytest.raises(ConfigError, match="layer: expected a Layer"):
        layers.weight_norm(layers.dense)
    with pytest.raises(ConfigError, match="axis: expected a whole number ≥ 0, got -1"):
        layers.weight_norm(layers.dense(3), axis=-1)
    for layer, got in ((layers.relu(), "none"), (layers.layer_norm(), "the fields gain, bias")):
        with pytest.raises(ConfigError, match=f"a layer with a weight of two axes or more, got {got}"):
            layers.weight_norm(layer).init(KEY, (4,))
    with pytest.raises(ConfigError, match="got the fields dense_0; wrap the layers inside one by one"):
        layers.weight_norm(layers.serial(layers.dense(3))).init(KEY, (4,))
    with pytest.raises(ConfigError, match="axis: expected one of the weight's, below 2, got 2"):
        layers.weight_norm(layers.dense(3), axis=2).init(KEY, (4,))
    with pytest.raises(ConfigError, match="weights that are not all zero for any output, got zeros"):
        layers.weight_norm(layers.dense(3, init=initializers.zeros())).init(KEY, (4,))
