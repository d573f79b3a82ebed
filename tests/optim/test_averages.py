"""Means of params: sums written out, marked leaves, storage, and a training that goes on from them."""

import pickle

import numpy as np
import pytest

from fnnet import checkpoint, errors, layers, optim, rng, training, tree
from tests.optim.cases import numbers, params

RULES = {
    "average": (optim.average, lambda i, n: 1 / n),
    "ema": (lambda: optim.ema(0.8), lambda i, n: 0.8 ** (n - i) / sum(0.8 ** (n - j) for j in range(1, n + 1))),
    "ema of PyTorch": (
        lambda: optim.ema(0.8, debias=False),
        lambda i, n: 0.8 ** (n - 1) if i == 1 else 0.2 * 0.8 ** (n - i),
    ),
    "ema of nothing past": (lambda: optim.ema(0.0), lambda i, n: float(i == n)),
}
rules = pytest.mark.parametrize("name", RULES)


def walk(dtype=np.float64, n=6):
    """Params on their way; statistics and held leaves too."""

    def at(t):
        def leaf(path, old):
            if old is None or isinstance(old, tree.Frozen):
                return old
            fresh = numbers(f"walk {t} {path}", tree.array(old).shape, dtype)
            return tree.Running(fresh) if isinstance(old, tree.Running) else fresh

        return tree.read_only(tree.map_with_path(leaf, params(dtype)))

    return [at(t) for t in range(n)]


def averaged(rule, seen, start=None):
    now = optim.Averaged(seen[0]) if start is None else start
    for each in seen:
        now = rule(now, each)
    return now


@rules
@pytest.mark.parametrize("n", [1, 2, 6])
def test_the_weights_of_the_sum(name, n):
    make, weight = RULES[name]
    seen = walk()[:n]
    found = averaged(make(), seen)
    assert found.counted == n
    for path, leaf in tree.items(found.params):
        if isinstance(leaf, np.ndarray):
            expected = sum(weight(i, n) * dict(tree.items(each))[path] for i, each in enumerate(seen, start=1))
            np.testing.assert_allclose(leaf, expected, rtol=1e-12, atol=1e-14)


@rules
def test_params_to_begin_with_are_not_counted(name):
    rule, seen = RULES[name][0](), walk()
    one, other = (averaged(rule, seen, optim.Averaged(first)) for first in (seen[0], params(np.float64)))
    for a, b in zip(tree.leaves(one), tree.leaves(other), strict=True):
        np.testing.assert_array_equal(tree.array(a), tree.array(b))


@rules
def test_marked_leaves_are_the_newest_objects(name):
    seen = walk()
    found = averaged(RULES[name][0](), seen).params
    assert tree.structure(found) == tree.structure(seen[0])
    assert found.norm_0.mean is seen[-1].norm_0.mean
    assert found.held_0.weight is seen[-1].held_0.weight
    assert found.held_0.bias is seen[-1].held_0.bias
    assert found.scale_0["bias"] is None


@rules
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pure_read_only_and_of_one_dtype(name, dtype):
    rule, seen = RULES[name][0](), walk(dtype)
    before = [leaf.tobytes() for leaf in tree.leaves(seen[0]) if isinstance(leaf, np.ndarray)]
    found = averaged(rule, seen)
    again = averaged(rule, seen)
    assert before == [leaf.tobytes() for leaf in tree.leaves(seen[0]) if isinstance(leaf, np.ndarray)]
    for leaf, twin in zip(tree.leaves(found.params), tree.leaves(again.params), strict=True):
        leaf, twin = tree.array(leaf), tree.array(twin)
        if isinstance(leaf, np.ndarray):
            assert leaf.dtype == dtype
            assert not leaf.flags.writeable
            assert leaf.flags.c_contiguous
            assert leaf.tobytes() == twin.tobytes()


def test_writable_params_are_copied():
    own = np.ones(3)
    found = optim.average()(optim.Averaged((own,)), (own,))
    own[:] = 7
    np.testing.assert_array_equal(found.params[0], np.ones(3))


def test_a_mean_of_many_keeps_its_digits_in_float32():
    rule, now = optim.average(), optim.Averaged((np.zeros(4, np.float32),))
    values = rng.uniform(rng.key(0), (3000, 4), dtype=np.float64)
    for value in values:
        now = rule(now, (value.astype(np.float32),))
    np.testing.assert_allclose(now.params[0], values.mean(axis=0), rtol=2e-6)


def test_silent_and_right_where_numbers_vanish():
    rule, now = optim.ema(0.5), optim.Averaged((np.full(2, 1e-45, np.float32),))
    with np.errstate(all="raise"):
        for _ in range(3):
            now = rule(now, (np.full(2, 1e-45, np.float32),))
    assert np.isfinite(now.params[0]).all()


def test_it_outlives_storage_and_pickle(tmp_path):
    rule, seen = optim.ema(0.9), walk()
    whole, half = averaged(rule, seen), averaged(rule, seen[:3])
    checkpoint.save(tmp_path / "mean", half)
    again = averaged(pickle.loads(pickle.dumps(rule)), seen[3:], checkpoint.load(tmp_path / "mean", like=half))
    assert again.counted == whole.counted
    for one, other in zip(tree.leaves(whole.params), tree.leaves(again.params), strict=True):
        np.testing.assert_array_equal(tree.array(one), tree.array(other))
    assert repr(rule) == "optim.ema(0.9)"
    assert rule == optim.ema(0.9) != optim.ema(0.9, debias=False)


def test_the_mean_of_a_noisy_training_is_better():
    """Batch norm, a frozen layer and dropout in the net; the mean of params, recalibrated, beats the last ones."""
    net = layers.serial(
        layers.frozen(layers.dense(8)), layers.batch_norm(), layers.dropout(0.2), layers.tanh(), layers.dense(1)
    )
    x = rng.normal(rng.key(1), (256, 4))
    target = np.sin(x[:, :1])
    from fnnet import losses

    optimizer = optim.sgd(0.5)
    state = training.init(net, optimizer, rng.key(0), (4,))
    step = training.make_step(net, losses.mean_squared_error, optimizer)
    rule, mean = optim.average(), optim.Averaged(state.params)
    for t in range(300):
        rows = rng.permutation(rng.fold_in(rng.key(2), t), 256)[:8]
        state, _ = step(state, (x[rows], target[rows]))
        if t >= 100:
            mean = rule(mean, state.params)
    assert mean.params[0].weight is state.params[0].weight  # frozen
    assert mean.params[1].mean is state.params[1].mean  # running
    found = [
        losses.mean_squared_error(net.apply(training.calibrate(net, each, [(x, target)] * 50), x)[0], target)[0]
        for each in (mean.params, state.params)
    ]
    assert found[0] < 0.9 * found[1]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: optim.ema(1.0), errors.ConfigError, r"decay: expected a number in \[0, 1\), got 1.0"),
        (lambda: optim.ema(-0.1), errors.ConfigError, "decay: .* got -0.1"),
        (lambda: optim.ema(0.9, debias=1), errors.ConfigError, "debias: expected True or False, got 1"),
        (
            lambda: optim.average()(params(), params()),
            errors.ConfigError,
            r"averaged: expected an Averaged, got a Net of 5; begin with optim.Averaged\(params\)",
        ),
        (
            lambda: optim.average()(optim.Averaged({"a": np.ones(2)}), {"a": np.ones(3)}),
            errors.StructureError,
            r"a: averaged params have \(2,\) float64, params has \(3,\) float64",
        ),
        (
            lambda: optim.average()(optim.Averaged({"a": np.ones(2)}), {"b": np.ones(2)}),
            errors.StructureError,
            "trees differ at the top: averaged params has dict",
        ),
        (
            lambda: optim.average()(optim.Averaged({"a": np.ones(2)}, -1), {"a": np.ones(2)}),
            errors.ConfigError,
            "counted: expected a whole number ≥ 0, got -1",
        ),
    ],
)
def test_what_does_not_fit(call, error, message):
    with pytest.raises(error, match=message):
        call()
