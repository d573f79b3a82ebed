"""Decay and L2: where each leaf is drawn, and by how much."""

import numpy as np
import pytest

from fnnet import layers, optim, rng, tree
from fnnet.optim import schedules
from tests.optim.cases import grads, params


def first(optimizer, now, given):
    return optimizer.update(given, optimizer.init(now), now)[0]


def test_decoupled_or_not_is_a_matter_of_place():
    """With gradients far from the scale of params, Adam hides an L2 term and leaves decoupled decay as it is."""
    now, given = (np.array([1.0]),), (np.array([1000.0]),)
    decoupled = optim.chain(optim.scale_by_adam(), optim.add_decayed_weights(0.5), optim.scale_by_factor(-0.1))
    np.testing.assert_allclose(first(decoupled, now, given)[0], -0.1 * 1.5)
    np.testing.assert_allclose(first(optim.l2(optim.adam(0.1), 0.5), now, given)[0], -0.1)


def test_for_plain_descent_both_are_the_same():
    now, given = params(np.float64), grads(params(np.float64))
    behind = optim.chain(optim.add_decayed_weights(0.3), optim.sgd(0.1))
    for one, other in zip(
        tree.leaves(first(behind, now, given)),
        tree.leaves(first(optim.l2(optim.sgd(0.1), 0.3), now, given)),
        strict=True,
    ):
        np.testing.assert_array_equal(tree.array(one), tree.array(other))


def test_decay_follows_the_learning_rate():
    now, nothing = (np.array([2.0]),), (np.array([0.0]),)
    optimizer = optim.adamw(schedules.step(0.5, 1), weight_decay=0.1)
    updates, state = optimizer.update(nothing, optimizer.init(now), now)
    np.testing.assert_allclose(updates[0], [-0.1])
    np.testing.assert_allclose(optimizer.update(nothing, state, now)[0][0], [-0.05])


@pytest.mark.parametrize(
    "make",
    [
        lambda where: optim.adamw(0.1, weight_decay=0.5, where=where),
        lambda where: optim.l2(optim.sgd(0.1), 0.5, where=where),
    ],
)
def test_only_chosen_leaves_decay(make):
    now = params(np.float64)
    nothing = tree.map(np.zeros_like, now)
    updates = dict(tree.items(first(make(optim.is_weight), now, nothing)))
    for path, leaf in tree.items(now):
        if isinstance(leaf, np.ndarray):
            expected = -0.05 * leaf if path in ("dense_0.weight", "dense_1.weight") else np.zeros_like(leaf)
            np.testing.assert_allclose(updates[path], expected, rtol=1e-14, err_msg=path)


def test_where_sees_trained_leaves_with_their_paths():
    now, seen = params(), {}
    optimizer = optim.add_decayed_weights(0.1, where=lambda path, leaf: not seen.update({path: leaf}))
    first(optimizer, now, grads(now))
    assert seen.keys() == {path for path, leaf in tree.items(now) if isinstance(leaf, np.ndarray)}
    assert all(leaf is dict(tree.items(now))[path] for path, leaf in seen.items())


def test_is_weight_in_a_net():
    net = layers.serial(
        layers.conv2d(2, 3), layers.batch_norm(), layers.relu(), layers.flatten(), layers.dense(3), layers.batch_norm()
    )
    now = net.init(rng.key(0), (1, 5, 5))
    chosen = {path for path, leaf in tree.items(now) if isinstance(leaf, np.ndarray) and optim.is_weight(path, leaf)}
    assert chosen == {"conv2d_0.weight", "dense_0.weight"}
    assert all(optim.everywhere(path, leaf) for path, leaf in tree.items(now))


@pytest.mark.parametrize(
    ("path", "shape", "expected"),
    [("weight", (2, 3), True), ("kernel", (1, 1, 1, 1), True), ("weight", (3,), False), ("a.bias", (2, 3), False),
     ("gain", (2, 3), False), ("bias.weight", (2, 3), True), ("slope", (), False)],
)  # fmt: skip
def test_is_weight(path, shape, expected):
    assert optim.is_weight(path, np.zeros(shape)) is expected
