"""`apply_updates`, and which gradients and updates fit which params."""

import numpy as np
import pytest

from fnnet import errors, optim, tree
from tests.optim.cases import grads, params


def test_by_hand():
    start = {
        "a": np.array([1.0, 2.0]),
        "b": tree.Running(np.array([3.0])),
        "c": tree.Frozen(np.array([4.0])),
        "d": None,
    }
    after = tree.Running(np.array([30.0]))
    now = optim.apply_updates(start, {"a": np.array([0.5, -0.5]), "b": after, "c": None, "d": None})
    np.testing.assert_array_equal(now["a"], [1.5, 1.5])
    np.testing.assert_array_equal(now["b"], [30.0])
    assert isinstance(now["b"], tree.Running)
    assert now["c"] is start["c"]
    assert now["d"] is None
    np.testing.assert_array_equal(start["a"], [1.0, 2.0])


def test_what_is_not_moved_is_the_very_same():
    start = params()
    now = optim.apply_updates(start, tree.map_with_path(lambda path, leaf: None, start))
    for (path, one), (_, other) in zip(tree.items(start, holes=True), tree.items(now, holes=True), strict=True):
        assert one is other, path


def test_new_arrays_are_their_own_and_read_only():
    start = (np.asfortranarray(np.ones((2, 3), np.float32)), np.ones((), np.float32))
    updates = (np.ones((2, 3), np.float32), np.ones((), np.float32))
    now = optim.apply_updates(start, updates)
    for leaf in now:
        assert isinstance(leaf, np.ndarray)
        assert leaf.flags.owndata
        assert leaf.flags.c_contiguous
        assert not leaf.flags.writeable


def test_statistics_in_evaluation_stay_the_same_object():
    mean = tree.read_only(tree.Running(np.zeros(3)))
    optimizer = optim.adam(0.1)
    updates, _ = optimizer.update((mean,), optimizer.init((mean,)), (mean,))
    assert updates[0] is mean is optim.apply_updates((mean,), updates)[0]


def test_numpy_scalars_stand_for_arrays_without_axes():
    """As `dy.sum()` gives them."""
    start, optimizer = (np.ones((), np.float32),), optim.sgd(0.5)
    updates, _ = optimizer.update((np.float32(2.0),), optimizer.init(start), start)
    (now,) = optim.apply_updates(start, updates)
    assert now == 0.0
    assert isinstance(now, np.ndarray)
    assert optim.apply_updates(start, (np.float32(1.0),))[0] == 2.0


START = params()
GOOD = grads(START)
WEIGHT, BIAS = GOOD.dense_0.weight, GOOD.dense_0.bias


def first(**leaves):
    return GOOD._replace(dense_0=GOOD.dense_0._replace(**leaves))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (first(weight=WEIGHT.T), r"dense_0.weight: params have \(7, 5\) float32, {} has \(5, 7\) float32"),
        (first(bias=BIAS.astype(float)), r"dense_0.bias: params have \(5,\) float32, {} has \(5,\) float64"),
        (first(bias=BIAS[:1]), r"dense_0.bias: params have \(5,\) float32, {} has \(1,\) float32"),
        (first(bias=0.5), r"dense_0.bias: params have \(5,\) float32, {} has a float"),
        (first(bias=tree.Running(BIAS)), r"dense_0.bias: params have \(5,\) float32, {} has running \(5,\) float32"),
        (first(bias=tree.Frozen(BIAS)), r"dense_0.bias: params have \(5,\) float32, {} has frozen \(5,\) float32"),
        (
            GOOD._replace(norm_0=GOOD.norm_0._replace(mean=BIAS)),
            r"norm_0.mean: params have running \(5,\) float32, {} has \(5,\) float32",
        ),
        (
            GOOD._replace(norm_0=GOOD.norm_0._replace(mean=tree.Running(BIAS[:2]))),
            r"norm_0.mean: params have running \(5,\) float32, {} has running \(2,\) float32",
        ),
        (
            GOOD._replace(held_0=GOOD.held_0._replace(weight=np.ones((2, 3), np.float32))),
            r"held_0.weight: params have frozen \(2, 3\) float32, {} has \(2, 3\) float32",
        ),
        (
            GOOD._replace(scale_0={"gain": GOOD.scale_0["gain"], "bias": BIAS}),
            r"scale_0.bias: params have a hole, {} has \(5,\) float32",
        ),
        (
            GOOD._replace(scale_0={"gain": None}),
            r"trees differ at scale_0: params has dict\(bias, gain\), {} has dict\(gain\)",
        ),
        (
            GOOD._replace(scale_0={"gain": GOOD.scale_0["gain"], "bias": tree.Frozen(BIAS)}),
            r"scale_0.bias: params have a hole, {} has frozen \(5,\) float32",
        ),
        (GOOD._replace(dense_0=(WEIGHT, BIAS)), "trees differ at dense_0: params has Dense.*, {} has tuple of 2"),
        (
            first(weight={"left": WEIGHT}),
            r"trees differ at dense_0.weight: params has a leaf \(ndarray\), {} has dict\(left\)",
        ),
        (None, "trees differ at the top: params has Net.*, {} has a leaf"),
    ],
)
def test_what_does_not_fit(given, message):
    optimizer = optim.adam(0.1)
    with pytest.raises(errors.StructureError, match=message.format("gradient")):
        optimizer.update(given, optimizer.init(START), START)
    with pytest.raises(errors.StructureError, match=message.format("update")):
        optim.apply_updates(START, given)
    both = optim.partition(lambda path: "all", {"all": optimizer})
    with pytest.raises(errors.StructureError, match=message.format("gradient")):
        both.update(given, both.init(START), START)


def test_a_lone_array():
    optimizer = optim.sgd(0.5)
    updates, _ = optimizer.update(np.ones(2), optimizer.init(np.zeros(2)), np.zeros(2))
    np.testing.assert_array_equal(optim.apply_updates(np.zeros(2), updates), [-0.5, -0.5])
    with pytest.raises(errors.StructureError, match=r"the top: params have \(2,\) float64, update has \(3,\) float64"):
        optim.apply_updates(np.zeros(2), np.zeros(3))


@pytest.mark.parametrize("leaf", [np.arange(3), np.array([True]), 1.0, np.array(["a"])])
@pytest.mark.parametrize(
    "optimizer",
    [
        optim.adam(0.1),
        optim.freeze(optim.adam(0.1), optim.everywhere),
        optim.partition(str, {"layer.0": optim.sgd(0.1)}),
    ],
)
def test_params_that_cannot_be_trained(leaf, optimizer):
    with pytest.raises(
        errors.DtypeError, match=r"params\.layer\.0: expected an array of a floating dtype, got .*tree.cast"
    ):
        optimizer.init({"held": tree.Frozen(np.arange(3)), "hole": None, "layer": [leaf]})


def test_a_users_update_that_does_not_fit_is_found():
    wrong = optim.Optimizer(lambda params: (), lambda grads, state, params: (tree.map(np.sum, grads), state))
    with pytest.raises(errors.StructureError, match=r"dense_0.weight: .* update has \(\) float32"):
        optim.apply_updates(START, wrong.update(GOOD, (), START)[0])
    late = optim.chain(wrong, optim.scale_by_factor(1.0))
    with pytest.raises(errors.StructureError, match=r"dense_0.weight: .* gradient has \(\) float32"):
        late.update(GOOD, late.init(START), START)
