from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import layers, losses, rng, training, tree
from fnnet.errors import DataError
from tests.training.cases import ARRAYS, KEY, LOSS, NETS, SHAPE, contents, meeting


def close(dparams, other):
    tree.check_same(dparams, other, ("whole", "parts"))
    for leaf, twin in zip(*map(tree.leaves, (dparams, other)), strict=True):
        np.testing.assert_allclose(leaf, twin, rtol=1e-11, atol=1e-13)


@settings(derandomize=True, deadline=None, max_examples=30)
@given(
    name=st.sampled_from(["plain", "frozen"]),
    reduction=st.sampled_from(["mean", "sum"]),
    n=st.integers(1, 23),
    size=st.integers(1, 25),
)
def test_parts_equal_the_whole_where_examples_do_not_meet(name, reduction, n, size):
    net = NETS[name]
    params = tree.cast(net.init(KEY, SHAPE), np.float64)
    loss = partial(LOSS, reduction=reduction)
    batch = ARRAYS[0][:n].astype(np.float64), ARRAYS[1][:n]
    value, dparams, predictions = training.value_and_grad(net, loss)(params, *batch)
    own_value, own_dparams, own_predictions = training.micro_batches(net, loss, size, rng.key(4))(params, *batch)
    assert own_value == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(own_predictions, predictions, rtol=1e-11)
    close(dparams, own_dparams)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_sums_with_counts_divided_once(reduction):
    """Against the definition, with randomness and memory, parts of 9, 9 and 5 examples."""
    net, key = NETS["all"], rng.key(3)
    params = tree.cast(net.init(KEY, SHAPE), np.float64)
    x, labels = ARRAYS[0].astype(np.float64), ARRAYS[1]
    loss = partial(LOSS, reduction=reduction)
    parts = [
        (
            len(labels[i : i + 9]),
            training.value_and_grad(net.train(rng.fold_in(key, i // 9)), loss)(params, x[i : i + 9], labels[i : i + 9]),
        )
        for i in range(0, 23, 9)
    ]
    assert [n for n, _ in parts] == [9, 9, 5]
    value, dparams, predictions = training.micro_batches(net, loss, 9, key)(params, x, labels)
    mean = reduction == "mean"
    assert value == pytest.approx(sum(n * part[0] if mean else part[0] for n, part in parts) / (23 if mean else 1))
    np.testing.assert_array_equal(predictions, np.concatenate([part[2] for _, part in parts]))

    def combined(*leaves):
        if isinstance(leaves[0], tree.Frozen):
            return leaves[0]
        if isinstance(leaves[0], tree.Running):
            return tree.Running(sum(n * leaf.array for (n, _), leaf in zip(parts, leaves, strict=True)) / 23)
        return sum((n / 23 if mean else 1) * leaf for (n, _), leaf in zip(parts, leaves, strict=True))

    assert tree.structure(dparams) == tree.structure(params)
    close(tree.zip_leaves(combined, *[part[1] for _, part in parts]), dparams)


def test_targets_of_another_length():
    net = NETS["plain"]
    gradient = training.micro_batches(net, LOSS, 4)
    with pytest.raises(DataError, match=r"arrays\[1\]: expected 22 examples, as in arrays\[0\], got 23"):
        gradient(net.init(KEY, SHAPE), ARRAYS[0][:22], ARRAYS[1])


def test_evaluation_keeps_memory_and_frozen_leaves():
    net = NETS["all"]
    params = net.init(KEY, SHAPE)
    _, dparams, _ = training.micro_batches(net, LOSS, 4)(params, *ARRAYS)
    assert dparams.batch_norm_0.mean is params.batch_norm_0.mean
    assert dparams.parallel_0.dense_1.bias is params.parallel_0.dense_1.bias


def test_same_key_same_bytes_and_float32_stays():
    net = NETS["all"]
    params = net.init(KEY, SHAPE)
    first = training.micro_batches(net, LOSS, 4, rng.key(1))(params, *ARRAYS)
    assert contents(first) == contents(training.micro_batches(net, LOSS, 4, rng.key(1))(params, *ARRAYS))
    assert contents(first) != contents(training.micro_batches(net, LOSS, 4, rng.key(2))(params, *ARRAYS))
    assert {tree.array(leaf).dtype for leaf in tree.leaves(first[1])} == {np.dtype(np.float32)}


@pytest.mark.parametrize("workers", [2, 3, 8])
def test_workers_change_no_byte(workers):
    """Parts of 4, 4, 4, 4, 4 and 3 examples, with randomness and memory, in any number of threads."""
    net, key = NETS["all"], rng.key(3)
    params = net.init(KEY, SHAPE)
    alone, together = (training.micro_batches(net, LOSS, 4, key, workers=n)(params, *ARRAYS) for n in (1, workers))
    assert together[0] == alone[0]
    tree.check_same(together[1], alone[1], ("together", "alone"))
    for leaf, twin in zip(tree.leaves(together[1]), tree.leaves(alone[1]), strict=True):
        assert np.asarray(tree.array(leaf)).tobytes() == np.asarray(tree.array(twin)).tobytes()
    assert together[2].tobytes() == alone[2].tobytes()


@settings(derandomize=True, deadline=None, max_examples=25)
@given(
    n=st.integers(1, 23),
    size=st.integers(1, 6),
    workers=st.integers(1, 4),
    weighted=st.booleans(),
    reduction=st.sampled_from(["mean", "sum"]),
)
def test_sums_are_those_of_the_tree_to_the_byte(n, size, workers, weighted, reduction):
    """Against the definition: the tree splits its parts at the largest power of two below their number."""
    net, key = NETS["all"], rng.key(5)
    params = net.init(KEY, SHAPE)
    x, target = ARRAYS[0][:n], ARRAYS[1][:n]
    weight = np.random.default_rng(n).integers(1, 9, n) / np.float32(7) if weighted else None

    def of_part(i):
        own = slice(i * size, (i + 1) * size)
        weights = None if weight is None else weight[own]
        gradient = training.value_and_grad(net.train(rng.fold_in(key, i)), partial(LOSS, reduction="sum"))
        value, dparams, _ = gradient(params, x[own], target[own], weights)
        count = float(len(x[own]))
        leaves = [
            leaf.array * len(x[own]) if isinstance(leaf, tree.Running) else leaf
            for leaf in tree.leaves(dparams)
            if not isinstance(leaf, tree.Frozen)
        ]
        return [value, count if weight is None else float(weights.sum()), *leaves]

    def total(start, stop):
        if stop - start == 1:
            return of_part(start)
        k = 1
        while 2 * k < stop - start:
            k *= 2
        return [a + b for a, b in zip(total(start, start + k), total(start + k, stop), strict=True)]

    value, weights, *sums = total(0, -(-n // size))
    share = weights if reduction == "mean" else 1.0
    own_value, dparams, _ = training.micro_batches(net, partial(LOSS, reduction=reduction), size, key, workers=workers)(
        params, x, target, weight
    )
    assert own_value == value / share
    found = [leaf for leaf in tree.leaves(dparams) if not isinstance(leaf, tree.Frozen)]
    assert len(found) == len(sums) > 5
    for leaf, whole in zip(found, sums, strict=True):
        wanted = whole / n if isinstance(leaf, tree.Running) else whole / share
        assert np.asarray(tree.array(leaf)).tobytes() == wanted.astype(np.float32).tobytes()


def test_workers_work_side_by_side():
    """Each of two parts waits for the other: one at a time would wait for ever."""
    value, _, _ = training.micro_batches(meeting(2), losses.squared_error, 1, workers=2)(
        (), np.ones((2, 1)), np.zeros((2, 1))
    )
    assert value == 0.5


def test_a_worker_has_the_error_settings_of_its_caller_and_tells_its_errors():
    net = layers.layer(lambda key, shape: (), lambda params, x: (np.exp(x), lambda dy: (params, dy)))
    x, target = np.full((4, 1), 1e9), np.zeros((4, 1))
    gradient = training.micro_batches(net, losses.squared_error, 1, workers=2)
    with np.errstate(all="ignore"):
        assert gradient((), x, target)[0] == np.inf
    with np.errstate(over="raise"), pytest.raises(FloatingPointError, match="overflow"):
        gradient((), x, target)
