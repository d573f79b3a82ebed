"""Params of another net, branches that are not what they say: found, not broadcast."""

import numpy as np
import pytest

from fnnet import layers, rng, tree
from fnnet.errors import ShapeError, StructureError

KEY = rng.key(0)
X = np.ones((2, 3), np.float32)


def user(f, shape, name="user"):
    """A layer of one's own without params; `shape` is what it promises."""

    def apply(params, x):
        y = f(x)
        return y, lambda dy: ((), np.zeros_like(x))

    return layers.layer(lambda key, in_shape: (), apply, shape=shape, name=name)


def test_params_of_another_net():
    params = layers.serial(layers.dense(3), layers.relu()).init(KEY, (3,))
    with pytest.raises(
        StructureError, match=r"^serial: params: expected a NamedTuple with the fields dense_0, tanh_0, "
    ):
        layers.serial(layers.dense(3), layers.tanh()).apply(params, X)
    with pytest.raises(
        StructureError, match=r"^parallel: params: expected .* fields dense_0, tanh_0, got dense_0, relu_0"
    ):
        layers.parallel(layers.dense(3), layers.tanh()).apply(params, X)
    with pytest.raises(StructureError, match=r"expected .* fields \(none\), got tuple"):
        layers.serial().apply((), X)


@pytest.mark.parametrize("net", [layers.dense(2), layers.conv2d(2, 1)], ids=["dense", "conv2d"])
def test_params_without_a_bias_or_with_the_wrong_mark(net):
    shape = (3,) if net.name == "dense" else (3, 1, 1)
    x = np.ones((2, *shape), np.float32)
    params = net.init(KEY, shape)
    short = tree.record(type(params).__name__, ("weight",))(params.weight)
    with pytest.raises(StructureError, match="bias: expected an array, got no such field; make params with this layer"):
        net.apply(short, x)
    with pytest.raises(StructureError, match="weight: expected an array, got Running; make params with this layer"):
        net.apply(params._replace(weight=tree.Running(params.weight)), x)
    with pytest.raises(StructureError, match="weight: expected a trained array, got a frozen one; wrap the layer in"):
        net.apply(tree.hold(params), x)


def test_a_branch_that_breaks_its_promise_is_not_broadcast():
    liar = user(lambda x: x[:, :1], lambda shape: shape)
    net = layers.parallel(layers.identity(), liar)
    with pytest.raises(ShapeError, match=r"^parallel: .*equal output shapes, got \(2, 3\) and \(2, 1\)"):
        net.apply(net.init(KEY, (3,)), X)


def test_numbers_cannot_be_concatenated():
    number = user(lambda x: x[:, 0], lambda shape: ())
    for branches in ([number], [number, layers.identity()], [layers.identity(), number]):
        with pytest.raises(ShapeError, match="branches to be concatenated: expected output shapes equal after axis 0"):
            layers.parallel(*branches, combine="concatenate").shape((3,))


@pytest.mark.parametrize("combine", ["sum", "concatenate"])
def test_one_branch_is_itself(combine):
    net = layers.parallel(layers.dense(2), combine=combine)
    params = net.init(KEY, (3,))
    y, vjp = net.apply(params, X)
    inner, inner_vjp = layers.dense(2).apply(params.dense_0, X)
    np.testing.assert_array_equal(y, inner)
    np.testing.assert_array_equal(vjp(y)[1], inner_vjp(y)[1])
    assert net.shape((3,)) == (2,)


@pytest.mark.parametrize("places", [(layers.dropout, layers.identity), (layers.identity, layers.dropout)])
def test_one_branch_that_samples_is_enough(places):
    branches = [make(0.5) if make is layers.dropout else make() for make in places]
    x = np.ones((2, 64))
    for net in (layers.parallel(*branches), layers.residual(branches[0], branches[1]), layers.serial(*branches)):
        y, _ = net.train(KEY).apply(net.init(KEY, (64,)), x)
        assert (y != net.apply(net.init(KEY, (64,)), x)[0]).any()
