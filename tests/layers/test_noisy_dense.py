"""Noisy weights: against the formula, what is drawn, and what is learned."""

import numpy as np
import pytest

from fnnet import layers, rng, tree
from fnnet.errors import ConfigError, ShapeError
from fnnet.optim import is_weight

KEY = rng.key(3)


def squeezed(word, n):
    noise = rng.normal(rng.fold_in(KEY, word), (n,), np.float64)
    return np.sign(noise) * np.sqrt(np.abs(noise))


@pytest.mark.parametrize("bias", [True, False])
def test_training_against_the_formula(bias):
    net = layers.noisy_dense(3, bias=bias)
    params = tree.map(lambda leaf: rng.normal(KEY, leaf.shape, np.float64), net.init(rng.key(0), (4,)))
    x, dy = rng.normal(rng.key(1), (5, 4), np.float64), rng.normal(rng.key(2), (5, 3), np.float64)
    y, vjp = net.train(KEY).apply(params, x)
    e, both = squeezed("out", 3), np.outer(squeezed("in", 4), squeezed("out", 3))
    full = params.weight + params.weight_sigma * both
    np.testing.assert_allclose(y, x @ full + (params.bias + params.bias_sigma * e if bias else 0), rtol=1e-13)
    dparams, dx = vjp(dy)
    np.testing.assert_allclose(dx, dy @ full.T, rtol=1e-13)
    np.testing.assert_allclose(dparams.weight, x.T @ dy, rtol=1e-13)
    np.testing.assert_allclose(dparams.weight_sigma, x.T @ dy * both, rtol=1e-13)
    if bias:
        np.testing.assert_allclose(dparams.bias_sigma, dy.sum(axis=0) * e, rtol=1e-13)


def test_evaluation_is_a_dense_layer():
    net, plain = layers.noisy_dense(3), layers.dense(3)
    params = net.init(rng.key(0), (4,))
    x = rng.normal(rng.key(1), (5, 4))
    y, vjp = net.apply(params, x)
    want, pull = plain.apply(plain.init(rng.key(0), (4,))._replace(weight=params.weight), x)
    np.testing.assert_array_equal(y, want)
    (weight, bias, *sigmas), dx = vjp(y)
    np.testing.assert_array_equal(dx, pull(y)[1])
    np.testing.assert_array_equal(weight, pull(y)[0].weight)
    np.testing.assert_array_equal(bias, pull(y)[0].bias)
    assert not any(sigma.any() for sigma in sigmas)


def test_what_it_starts_with():
    """U(-1/√D, 1/√D) and σ₀ / √D, as the paper says; and decay passes the noise by."""
    params = layers.noisy_dense(200, sigma=0.4).init(rng.key(0), (100,))
    assert 0.098 < np.abs(params.weight).max() <= 0.1
    np.testing.assert_allclose(params.weight_sigma, 0.04, rtol=1e-6)
    np.testing.assert_allclose(params.bias_sigma, 0.04, rtol=1e-6)
    assert not params.bias.any()
    assert [path for path, leaf in tree.items(params) if is_weight(path, leaf)] == ["weight"]


def test_errors():
    with pytest.raises(ConfigError, match=r"sigma: expected a number in \[0, inf\], got -1.0"):
        layers.noisy_dense(2, sigma=-1)
    net = layers.noisy_dense(2)
    with pytest.raises(ShapeError, match=r"input: expected \(N, features\), got \(N, 3, 2\)"):
        net.init(rng.key(0), (3, 2))
    params = net.init(rng.key(0), (3,))
    other = params._replace(weight_sigma=np.ones((3, 1), np.float32))
    with pytest.raises(ShapeError, match=r"weight_sigma: expected \(3, 2\), got \(3, 1\)"):
        net.train(KEY).apply(other, np.ones((1, 3), np.float32))
