import numpy as np
import pytest

from fnnet import layers, rng, tree
from fnnet.errors import ConfigError, StructureError

KEY = rng.key(0)
X = rng.normal(rng.key(1), (4, 3))


def same(params):
    return params, lambda dparams: dparams


def test_with_nothing_made_it_is_the_layer():
    inner = layers.serial(layers.dense(3), layers.batch_norm(), layers.dropout(0.5))
    net = layers.reparametrized(inner, lambda params: params, same)
    params = net.init(KEY, (3,))
    assert net.name == inner.name
    assert net.shape((3,)) == inner.shape((3,))
    for one, other in ((net, inner), (net.train(KEY), inner.train(KEY))):
        (y, vjp), (wanted, wanted_vjp) = one.apply(params, X), other.apply(params, X)
        assert y.tobytes() == wanted.tobytes()
        for got, want in zip(tree.leaves(vjp(y)), tree.leaves(wanted_vjp(y)), strict=True):
            assert tree.array(got).tobytes() == tree.array(want).tobytes()


def test_two_weights_out_of_one_number():
    """w = p and bias = 3 p by hand: dp is the sum over both."""
    kind = tree.record("Dense", ("weight", "bias"))

    def make(p):
        return kind(np.full((3, 1), p["p"]), 3 * p["p"][None]), lambda d: {"p": d.weight.sum() + 3 * d.bias.sum()}

    net = layers.reparametrized(layers.dense(1), lambda params: {"p": np.float64(0.5)[...]}, make)
    params = net.init(KEY, (3,))
    y, vjp = net.apply(params, X.astype(np.float64))
    np.testing.assert_allclose(y[:, 0], 0.5 * X.sum(axis=1) + 1.5)
    np.testing.assert_allclose(vjp(np.ones_like(y))[0]["p"], X.astype(np.float64).sum() + 3 * 4)


def test_training_may_make_something_else():
    net = layers.reparametrized(
        layers.dense(1, bias=False), lambda params: params, same, train=lambda p: (tree.map(np.negative, p), same)
    )
    params = net.init(KEY, (3,))
    np.testing.assert_array_equal(net.train(KEY).apply(params, X)[0], -net.apply(params, X)[0])
    assert layers.reparametrized(layers.dense(1), lambda params: params, same)._train is None


def test_misfits_say_what_is_wrong():
    with pytest.raises(ConfigError, match="layer: expected a Layer"):
        layers.reparametrized(layers.dense, lambda params: params, same)
    with pytest.raises(ConfigError, match="begin: expected a function, got None"):
        layers.reparametrized(layers.dense(3), None, same)
    with pytest.raises(ConfigError, match="train: expected a function, got 3"):
        layers.reparametrized(layers.dense(3), lambda params: params, same, train=3)
    net = layers.reparametrized(layers.dense(3), lambda params: params, lambda params: params)
    with pytest.raises(
        StructureError, match=r"dense: make: expected \(params, pull\): params and a function, got Dense"
    ):
        net.apply(net.init(KEY, (3,)), X)
