"""Parallel nets: branches side by side, added up or joined."""

import attrs
import numpy as np
import pytest

from fnnet import layers, rng, tree
from fnnet.errors import ConfigError, ShapeError

X = rng.normal(rng.key(0), (2, 4))


def test_branches_draw_masks_of_their_own():
    """With one mask for both, every sum would be 0 or 4."""
    net = layers.parallel(layers.dropout(0.5), layers.dropout(0.5))
    y, _ = net.train(rng.key(0)).apply(net.init(rng.key(0), (64,)), np.ones((1, 64), np.float32))
    assert set(y.ravel()) == {0, 2, 4}


def test_images_are_joined_along_their_channels():
    net = layers.parallel(layers.conv2d(2, 1), layers.identity(), combine="concatenate")
    params = net.init(rng.key(1), (3, 4, 5))
    x = rng.normal(rng.key(2), (2, 3, 4, 5))
    y, vjp = net.apply(params, x)
    assert net.shape((3, 4, 5)) == y.shape[1:] == (5, 4, 5)
    weight = params.conv2d_0.weight[:, :, 0, 0]
    np.testing.assert_allclose(y[:, :2], np.einsum("oc,nchw->nohw", weight, x), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(y[:, 2:], x)
    dx = vjp(y)[1]
    np.testing.assert_allclose(dx, x + np.einsum("oc,nohw->nchw", weight, y[:, :2]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("combine", ["sum", "concatenate"])
def test_parallel_says_who_is_no_layer_and_names_its_record(combine):
    with pytest.raises(ConfigError, match=r"^parallel: argument 1: expected a Layer, .*call the factory"):
        layers.parallel(layers.relu(), layers.relu, combine=combine)
    with pytest.raises(ConfigError, match=r"^parallel: argument 0: .*write parallel\(first, second, …\)"):
        layers.parallel([layers.relu()], combine=combine)
    net = layers.parallel(layers.dense(2), layers.dense(2), combine=combine)
    assert type(net.init(rng.key(0), (3,))).__name__ == "Parallel"


def test_parallel_sums_and_concatenates():
    a, b = layers.dense(3), layers.dense(3)
    joined = layers.parallel(a, b, combine="concatenate")
    params = joined.init(rng.key(0), (4,))
    y, _ = joined.apply(params, X)
    summed, _ = layers.parallel(a, b).apply(tree.record("Parallel", ("dense_0", "dense_1"))(*params), X)
    np.testing.assert_array_equal(y[:, :3] + y[:, 3:], summed)
    assert joined.shape((4,)) == (6,)
    assert layers.parallel(a, b).shape((4,)) == (3,)


def test_sums_do_not_write_to_what_they_were_given():
    """The first branch hands x through: adding to it in place would change x for all."""
    net = layers.parallel(layers.identity(), layers.identity(), layers.identity())
    params, x = net.init(rng.key(0), (4,)), X.copy()
    y, vjp = net.apply(params, x)
    dy = np.ones_like(y)
    _, dx = vjp(dy)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(dy, 1)
    np.testing.assert_array_equal(y, 3 * X)
    np.testing.assert_array_equal(dx, 3)


def test_sums_compare_what_came_not_what_was_promised():
    """A column beside a matrix would be broadcast."""
    narrow = attrs.evolve(layers.dense(1), shape=lambda shape: shape)
    net = layers.residual(narrow)
    with pytest.raises(
        ShapeError, match=r"branches to be summed: expected equal output shapes, got \(2, 1\) and \(2, 4\)"
    ):
        net.apply(net.init(rng.key(0), (4,)), X)
