"""`per_step`: a layer at every step."""

import numpy as np
import pytest

from fnnet import layers, rng, tree
from fnnet.errors import ConfigError, ShapeError
from fnnet.types import Discrete
from tests.layers.sequences import pulled, sequences


def test_it_is_the_layer_step_by_step():
    net = layers.per_step(layers.serial(layers.dense(5), layers.tanh()))
    params = tree.cast(net.init(rng.key(0), (4, 3)), np.float64)
    xs = sequences(3)
    y, dy, dparams, dx = pulled(net, params, xs)
    inner = layers.serial(layers.dense(5), layers.tanh())
    each = [inner.apply(params, xs[:, t]) for t in range(4)]
    back = [vjp(dy[:, t]) for t, (_, vjp) in enumerate(each)]
    np.testing.assert_allclose(y, np.stack([own for own, _ in each], axis=1))
    np.testing.assert_allclose(dx, np.stack([own for _, own in back], axis=1))
    for got, *parts in zip(tree.leaves(dparams), *(tree.leaves(own) for own, _ in back), strict=True):
        np.testing.assert_allclose(got, sum(parts))


def test_its_params_and_its_parts_are_the_layers():
    inner = layers.serial(layers.dense(5), layers.tanh())
    net = layers.per_step(inner)
    for a, b in zip(tree.leaves(net.init(rng.key(0), (4, 3))), tree.leaves(inner.init(rng.key(0), (3,))), strict=True):
        assert a.tobytes() == b.tobytes()
    assert net[:-1] == layers.per_step(inner[:-1])
    assert [name for name, _ in net] == ["dense_0", "tanh_0"]
    assert net.train(rng.key(0)) is net


def test_dropout_draws_for_every_step():
    net = layers.per_step(layers.dropout(0.5)).train(rng.key(0))
    y, _ = net.apply((), np.ones((1, 2, 64), np.float32))
    assert (y[0, 0] != y[0, 1]).any()


def test_tuples_have_one_number_of_steps():
    net = layers.per_step(layers.beside(layers.dense(2), layers.embedding(3, 2)))
    assert net.shape(((4, 3), Discrete((4,)))) == ((4, 2), (4, 2))
    with pytest.raises(ShapeError, match=r"^per_step: xs\[1\]: expected 4 steps, as in what stands before it, got 5"):
        net.shape(((4, 3), Discrete((5,))))
    with pytest.raises(ShapeError, match=r"^per_step: xs: expected sequences \(N, T, …\), got \(N,\)"):
        layers.per_step(layers.relu()).shape(())
    with pytest.raises(ConfigError, match=r"expected a Layer, got .*; call the factory"):
        layers.per_step(layers.relu)
