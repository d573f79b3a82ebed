"""Other optimizers for other leaves, or none."""

import numpy as np
import pytest

from fnnet import errors, optim, tree
from tests.optim.cases import grads, is_bias, kind, params


def trained(of):
    return {path: leaf for path, leaf in tree.items(of) if isinstance(leaf, np.ndarray)}


def steps(optimizer, now, n=3):
    state = optimizer.init(now)
    for t in range(n):
        updates, state = optimizer.update(grads(now, f"step {t}"), state, now)
        now = optim.apply_updates(now, updates)
    return now, state


def test_each_leaf_moves_as_under_its_own_optimizer():
    start, optimizers = params(), {"bias": optim.sgd(0.1, momentum=0.9), "rest": optim.adam(0.1)}
    parted, state = steps(optim.partition(kind, optimizers), start)
    assert list(state) == ["bias", "rest"]
    for label, optimizer in optimizers.items():
        alone, _ = steps(optimizer, start)
        for path, leaf in trained(alone).items():
            if kind(path) == label:
                assert trained(parted)[path].tobytes() == leaf.tobytes()


def test_states_hold_their_own_leaves_only():
    _, state = steps(optim.partition(kind, {"bias": optim.momentum(0.9), "rest": optim.scale_by_adam()}), params())
    assert all(path.endswith("bias") for path in trained(state["bias"]))
    assert trained(state["bias"])
    assert not any(path.endswith("bias") for path in trained(state["rest"]))


def test_labels_may_be_any_words():
    optimizer = optim.partition(lambda path: path.endswith("bias"), {True: optim.sgd(0.1), False: optim.sgd(0.2)})
    updates, _ = optimizer.update(grads(params()), optimizer.init(params()), params())
    given = grads(params())
    np.testing.assert_allclose(updates.dense_0.bias, -0.1 * given.dense_0.bias, rtol=1e-6)
    np.testing.assert_allclose(updates.dense_0.weight, -0.2 * given.dense_0.weight, rtol=1e-6)


def test_held_leaves_are_the_very_same():
    start = params()
    now, state = steps(optim.freeze(optim.adam(0.1), is_bias), start)
    for path, leaf in trained(start).items():
        assert (trained(now)[path] is leaf) == path.endswith("bias")
    assert not any(path.endswith("bias") for path in trained(state))
    assert now.norm_0.mean is not start.norm_0.mean  # statistics follow the layer's mode


def test_leaves_may_be_held_by_their_shape():
    start = params()
    now, _ = steps(optim.freeze(optim.adam(0.1), lambda path, leaf: leaf.ndim == 1), start)
    for path, leaf in trained(start).items():
        assert (trained(now)[path] is leaf) == (leaf.ndim == 1)


@pytest.mark.parametrize("hold", [False, True])
def test_an_update_that_lost_a_leaf_is_told(hold):
    lossy = optim.Optimizer(lambda params: (), lambda grads, state, params: (grads._replace(dense_0=()), state))
    optimizer = optim.freeze(lossy, is_bias) if hold else optim.partition(lambda path: "all", {"all": lossy})
    with pytest.raises(errors.StructureError, match=r"dense_0: params has Dense.*, update has tuple of 0"):
        optimizer.update(grads(params()), optimizer.init(params()), params())


def test_held_leaves_count_for_no_norm():
    start = (np.zeros(1), np.zeros(1))
    given = (np.array([3.0]), np.array([1e6]))
    optimizer = optim.freeze(optim.clip_by_global_norm(5.0), lambda path, leaf: path == "1")
    updates, _ = optimizer.update(given, optimizer.init(start), start)
    np.testing.assert_array_equal(updates[0], [3.0])
    assert updates[1] is None


def test_one_line_to_fine_tune_the_last_layer():
    start = params()
    now, _ = steps(optim.freeze(optim.adam(1e-3), lambda path, leaf: not path.startswith("dense_1.")), start)
    moved = {path for path, leaf in trained(now).items() if leaf is not trained(start)[path]}
    assert moved == {"dense_1.weight", "dense_1.bias"}


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        (
            optim.partition(lambda path: path[:4], {"dens": optim.sgd(0.1), "norm": optim.sgd(0.1)}),
            "partition: label of scale_0.gain: expected 'dens' or 'norm', got 'scal'",
        ),
        (
            optim.partition(lambda path: [], {"dens": optim.sgd(0.1)}),
            r"partition: label of dense_0.weight: expected 'dens', got \[\]",
        ),
        (
            optim.partition(kind, {"bias": optim.sgd(0.1), "rest": optim.sgd(0.1), "slow": optim.sgd(0.1)}),
            "partition: 'slow': expected a leaf among dense_0.weight, dense_0.bias, .* got none",
        ),
        (
            optim.freeze(optim.sgd(0.1), lambda path, leaf: path.startswith("dens_1")),
            "freeze: where: expected to choose at least one of dense_0.weight, .* got none",
        ),
    ],
)
def test_slips_in_labels_and_paths(optimizer, message):
    with pytest.raises(errors.ConfigError, match=message):
        optimizer.init(params())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optim.partition("bias", {"bias": optim.sgd(0.1)}), "label_of_path: expected a function from path"),
        (lambda: optim.partition(kind, {}), "partition: optimizers: expected {label: optimizer}, .* got {}"),
        (lambda: optim.partition(kind, optim.sgd), "expected {label: optimizer}, at least one, got <function sgd"),
        (lambda: optim.partition(kind, {"bias": 0.1}), "partition: 'bias': expected an Optimizer, got 0.1"),
        (lambda: optim.freeze(optim.sgd, is_bias), "freeze: expected an Optimizer, got <function sgd"),
        (lambda: optim.freeze(optim.sgd(0.1), "bias"), "where: expected a function .* got 'bias'; such as lambda"),
    ],
)
def test_bad_settings(make, message):
    with pytest.raises(errors.ConfigError, match=message):
        make()


@pytest.mark.parametrize("state", [(), {"bias": ()}, {"bias": (), "rest": (), "slow": ()}])
def test_states_of_another_partition(state):
    optimizer = optim.partition(kind, {"bias": optim.sgd(0.1), "rest": optim.sgd(0.1)})
    with pytest.raises(errors.StructureError, match="state of partition: expected labels 'bias', 'rest', got"):
        optimizer.update(grads(params()), state, params())
