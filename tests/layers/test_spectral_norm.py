import numpy as np
import pytest

from fnnet import layers, losses, optim, rng, training, tree
from fnnet.errors import ConfigError

KEY = rng.key(0)


def effective(net, params, features):
    """The weight that a dense layer without bias multiplies with."""
    return net.apply(params, np.eye(features, dtype=np.float32))[0]


def test_the_largest_singular_value_becomes_one():
    inner = layers.dense(6, bias=False)
    net = layers.spectral_norm(inner)
    params = net.init(KEY, (8,))
    w, plain = effective(net, params, 8), inner.init(KEY, (8,)).weight
    np.testing.assert_allclose(np.linalg.svd(w)[1][0], 1, rtol=1e-2)
    np.testing.assert_allclose(w * np.linalg.svd(plain)[1][0], plain, rtol=1e-2, atol=1e-3)


def test_training_brings_the_vector_nearer_and_evaluation_keeps_it():
    net = layers.spectral_norm(layers.dense(6, bias=False))
    params = net.init(KEY, (8,))
    lost = params._replace(left=tree.Running(np.eye(6, dtype=np.float32)[0]))
    x = rng.normal(rng.key(1), (2, 8))
    y, vjp = net.apply(lost, x)
    assert vjp(y)[0].left is lost.left
    u, _, _ = np.linalg.svd(lost.weight.T)
    near = []
    for _ in range(60):
        y, vjp = net.train(KEY).apply(lost, x)
        assert vjp(y)[0].left is vjp(2 * y)[0].left
        lost = lost._replace(left=vjp(y)[0].left)
        near.append(abs(lost.left.array @ u[:, 0]))
        np.testing.assert_allclose(np.linalg.norm(lost.left.array), 1, rtol=1e-5)
    assert near[0] < near[10] < near[-1]
    np.testing.assert_allclose(near[-1], 1, atol=1e-3)


def test_several_iterations_are_so_many_steps():
    one, three = (layers.spectral_norm(layers.dense(4), iterations=n) for n in (1, 3))
    params, x = one.init(KEY, (5,)), rng.normal(rng.key(1), (2, 5))
    start = params._replace(left=tree.Running(np.full(4, 0.5, np.float32)))
    slow = start
    for _ in range(3):
        y, vjp = one.train(KEY).apply(slow, x)
        slow = slow._replace(left=vjp(y)[0].left)
    y, vjp = three.train(KEY).apply(start, x)
    np.testing.assert_allclose(vjp(y)[0].left.array, slow.left.array, rtol=1e-5)


def test_a_trained_net_stays_bounded():
    """However large the weights want to be, nothing is stretched by more than 1."""
    net = layers.spectral_norm(layers.dense(3, bias=False))
    step = training.make_step(net, losses.mean_squared_error, optim.sgd(0.02))
    x = rng.normal(rng.key(1), (32, 4))
    state = training.init(net, optim.sgd(0.02), KEY, (4,))
    state, _ = training.fold(step, state, [(x, 10 * x[:, :3])] * 100)
    assert np.linalg.svd(effective(net, state.params, 4))[1][0] <= 1.1


def test_weights_of_zeros_give_zeros_in_silence():
    net = layers.spectral_norm(layers.dense(2, bias=False))
    params = net.init(KEY, (3,))
    with np.errstate(all="raise"):
        y, vjp = net.train(KEY).apply(params._replace(weight=np.zeros((3, 2), np.float32)), np.ones((1, 3), np.float32))
        dparams, _ = vjp(np.ones_like(y))
    assert not y.any()
    assert not dparams.weight.any()


def test_misfits_say_what_is_wrong():
    with pytest.raises(ConfigError, match="iterations: expected a whole number ≥ 1, got 0"):
        layers.spectral_norm(layers.dense(3), iterations=0)
    with pytest.raises(
        ConfigError, match="spectral_norm: expected a layer with a weight of two axes or more, got none"
    ):
        layers.spectral_norm(layers.relu()).init(KEY, (3,))
