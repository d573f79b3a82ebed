from functools import partial

import numpy as np
import pytest

import fnnet
from fnnet import layers, losses, rng, training, tree
from tests.training.cases import ARRAYS, KEY, LOSS, NETS, SHAPE


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_gradient_is_the_slope_of_the_loss(name, reduction):
    net = NETS[name].train(rng.key(5))
    params = tree.cast(net.init(KEY, SHAPE), np.float64)
    x, labels = ARRAYS[0].astype(np.float64), ARRAYS[1]
    gradient = training.value_and_grad(net, partial(LOSS, reduction=reduction))
    value, dparams, predictions = gradient(params, x, labels)
    assert type(value) is float
    np.testing.assert_array_equal(predictions, net.apply(params, x)[0])

    direction = tree.map_with_path(
        lambda path, leaf: (
            rng.normal(rng.fold_in(KEY, path), leaf.shape, np.float64) if leaf is tree.array(leaf) else leaf
        ),
        params,
    )

    def along(t):
        moved = tree.zip_leaves(lambda p, u: p + t * u if p is tree.array(p) else p, params, direction)
        return gradient(moved, x, labels)[0]

    h = 1e-6
    slope = (along(h) - along(-h)) / (2 * h)
    product = sum(
        float((g * u).sum()) for g, u in zip(*map(tree.leaves, (dparams, direction)), strict=True) if g is tree.array(g)
    )
    assert product == pytest.approx(slope, rel=1e-6, abs=1e-8)


def test_asks_for_no_input_gradient():
    asked = []

    def apply(params, x):
        def vjp(dy, input_gradient=True):
            asked.append(input_gradient)
            return (), None

        return x, vjp

    net = layers.layer(lambda key, shape: (), apply)
    training.value_and_grad(net, losses.squared_error)((), np.ones((2, 3)), np.ones((2, 3)))
    assert asked == [False]


def test_marked_leaves_hold_successors_and_themselves():
    net = NETS["all"]
    params = net.init(KEY, SHAPE)
    _, held, _ = training.value_and_grad(net, LOSS)(params, *ARRAYS)
    _, moved, _ = training.value_and_grad(net.train(KEY), LOSS)(params, *ARRAYS)
    assert tree.structure(held) == tree.structure(moved) == tree.structure(params)
    assert held.batch_norm_0.mean is params.batch_norm_0.mean
    assert (moved.batch_norm_0.mean.array != params.batch_norm_0.mean.array).all()
    assert moved.parallel_0.dense_1.weight is params.parallel_0.dense_1.weight


def test_public_name():
    assert fnnet.value_and_grad is training.value_and_grad
