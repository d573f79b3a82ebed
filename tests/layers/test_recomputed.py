"""`recomputed`: the same numbers, less kept."""

import weakref

import numpy as np
import pytest

from fnnet import layers, rng, tree
from fnnet.arrays import flat
from fnnet.errors import ConfigError

BLOCK = layers.serial(layers.dense(4), layers.batch_norm(), layers.dropout(0.5), layers.tanh())


@pytest.mark.parametrize("mode", ["evaluation", "training"])
def test_the_same_bytes(mode):
    results = []
    for layer in (BLOCK, layers.recomputed(BLOCK)):
        net = layer if mode == "evaluation" else layer.train(rng.key(3))
        params, x = net.init(rng.key(0), (3,)), rng.normal(rng.key(1), (5, 3))
        y, vjp = net.apply(params, x)
        dparams, dx = vjp(np.ones_like(y))
        results.append([tree.array(leaf).tobytes() for leaf in (y, dx, *tree.leaves(dparams))])
    assert results[0] == results[1]


def test_it_keeps_x_alone():
    """What the layer makes on its way is gone before the vjp is called, and made again by it."""
    made = []

    def inside():
        def apply(params, x):
            between = np.exp(x)
            made.append(weakref.ref(between))
            return between * 2, lambda dy: ((), 2 * dy * between)

        return layers.layer(lambda key, shape: (), apply, shape=lambda shape: shape)

    for net, kept in ((inside(), True), (layers.recomputed(inside()), False)):
        made.clear()
        y, vjp = net.apply((), np.ones((2, 3)))
        assert [ref() is not None for ref in made] == [kept]
        vjp(y)
        assert len(made) == (1 if kept else 2)


def test_it_has_the_layers_name_params_and_parts():
    net = layers.recomputed(BLOCK)
    assert net.name == "serial"
    assert [name for name, _ in net] == [name for name, _ in BLOCK]
    assert net[1:] == layers.recomputed(BLOCK[1:])
    assert layers.recomputed(layers.relu()).train(rng.key(0)).name == "relu"
    assert len(flat(net.shape((3,)))) == 1
    with pytest.raises(ConfigError, match="layer: expected a Layer"):
        layers.recomputed(layers.relu)
