"""Experts and a gate: against a graph of other layers, one expert alone, errors."""

import numpy as np
import pytest

from fnnet import layers, losses, optim, rng, training
from fnnet.errors import ConfigError, ShapeError

SHARES = layers.serial(layers.dense(3), layers.softmax())


def test_against_the_formula():
    net = layers.mixture(layers.dense(2), layers.dense(2), layers.dense(2), gate=layers.dense(3))
    params = net.init(rng.key(0), (4,))
    x, dy = rng.normal(rng.key(1), (5, 4)), rng.normal(rng.key(2), (5, 2))
    y, vjp = net.apply(params, x)
    shares, pull = SHARES.apply(SHARES.init(rng.key(0), (4,))._replace(dense_0=params.gate), x)
    made = [layers.dense(2).apply(own, x) for own in params[1:]]
    np.testing.assert_allclose(y, sum(shares[:, [k]] * value for k, (value, _) in enumerate(made)), rtol=1e-5)
    dparams, dx = vjp(dy)
    along = np.stack([(dy * value).sum(axis=1) for value, _ in made], axis=1)
    dgate, want = pull(along)
    np.testing.assert_allclose(dparams.gate.weight, dgate.dense_0.weight, rtol=1e-4, atol=1e-6)
    for k, (_, back) in enumerate(made):
        own, back_to_x = back(shares[:, [k]] * dy)
        np.testing.assert_allclose(dparams[k + 1].weight, own.weight, rtol=1e-4, atol=1e-6)
        want = want + back_to_x
    np.testing.assert_allclose(dx, want, rtol=1e-4, atol=1e-6)


def test_a_gate_that_is_sure_leaves_one_expert():
    net = layers.mixture(layers.identity(), layers.relu(), gate=layers.dense(2))
    params = net.init(rng.key(0), (3,))
    params = params._replace(gate=params.gate._replace(bias=np.array([1000, -1000], np.float32)))
    x = rng.normal(rng.key(1), (4, 3))
    np.testing.assert_array_equal(net.apply(params, x)[0], x)


def test_it_learns_who_knows_what():
    """|x| is one line left of 0 and another right of it; one line alone leaves 1/24."""
    net = layers.mixture(layers.dense(1), layers.dense(1), gate=layers.dense(2))
    x = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
    optimizer = optim.adam(0.05)
    step = training.make_step(net, losses.squared_error, optimizer)
    state = training.init(net, optimizer, rng.key(1), (1,))
    _, history = training.fold(step, state, [(x, np.abs(x))] * 300)
    assert history[-1]["loss"] < 0.01


def test_errors():
    dense = layers.dense
    with pytest.raises(ConfigError, match="mixture: expected at least two experts, got 1"):
        layers.mixture(dense(2), gate=dense(1))
    with pytest.raises(ConfigError, match="mixture: argument 0: expected a Layer"):
        layers.mixture(dense(2), dense(2), gate=dense)
    with pytest.raises(ShapeError, match=r"experts: expected one output shape, of floats, got \(2,\) and \(3,\)"):
        layers.mixture(dense(2), dense(3), gate=dense(2)).shape((4,))
    with pytest.raises(
        ShapeError, match=r"what the gate gives: expected \(N, 2\), a score for each expert, got \(N, 3"
    ):
        layers.mixture(dense(2), dense(2), gate=dense(3)).shape((4,))
