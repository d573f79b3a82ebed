"""CTC: lengths in all their forms, labels that do not fit, long sequences; its laws are run in `test_losses`."""

import numpy as np
import pytest

from fnnet import layers, losses, optim, rng, training
from fnnet.errors import ConfigError, DataError, DtypeError, ShapeError
from tests.oracles.losses import ctc as oracle

N, T, K, U = 4, 5, 3, 2
X = rng.normal(rng.key(0), (N, T, K), np.float64)
LABELS = np.array([[1, 2], [2, 2], [1, 0], [0, 0]])
LENGTHS = np.array([2, 2, 1, 0])
STEPS = np.array([5, 3, 4, 1])


def test_labels_steps_and_lengths():
    value, vjp = losses.ctc(X, (LABELS, STEPS), reduction="sum")
    assert value == pytest.approx(sum(float(oracle(X[i, : STEPS[i]], LABELS[i])) for i in range(N)), rel=1e-13)
    slope = vjp(1.0)
    for i in range(N):
        assert not slope[i, STEPS[i] :].any()
        _, own = losses.ctc(X[i : i + 1, : STEPS[i]], LABELS[i : i + 1])
        np.testing.assert_allclose(slope[i, : STEPS[i]], own(1.0)[0], rtol=1e-12, atol=1e-15)
    behind = np.where(np.arange(U) < LENGTHS[:, None], LABELS, -99)
    full = losses.ctc(X, (behind, STEPS, LENGTHS), reduction="sum")
    assert full[0] == value
    np.testing.assert_array_equal(full[1](1.0), slope)


def test_what_stands_behind_the_last_step_changes_nothing():
    other = np.where((np.arange(T) < STEPS[:, None])[:, :, None], X, 1e6)
    assert losses.ctc(X, (LABELS, STEPS))[0] == losses.ctc(other, (LABELS, STEPS))[0]


def test_no_label_is_all_blanks():
    value, _ = losses.ctc(X[:1], np.zeros((1, 0), int))
    p, _ = layers.softmax().apply((), X[:1])
    assert value == pytest.approx(-np.log(p[0, :, 0]).sum())


def test_every_gradient_sums_to_zero_over_classes():
    _, vjp = losses.ctc(X, LABELS)
    np.testing.assert_allclose(vjp(1.0).sum(axis=2), 0, atol=1e-15)


@pytest.mark.parametrize("labels", [[1, 2, 1, 2, 1, 2], [1, 1, 1, 0, 0, 0]])
def test_labels_that_just_fit_and_labels_that_do_not(labels):
    needed = 6 if labels[1] == 2 else 5
    target = np.array([labels])
    value, _ = losses.ctc(np.zeros((1, needed, K)), target)
    assert value == pytest.approx(needed * np.log(K))  # one way
    short = np.zeros((1, needed - 1, K))
    wanted = f"fit into the {needed - 1} steps of example 0, got . that need {needed}; leave it out, or say impossible"
    with pytest.raises(DataError, match=wanted):
        losses.ctc(short, target)
    with np.errstate(all="raise"):
        value, vjp = losses.ctc(short, target, impossible="zero")
        assert value == 0
        assert not vjp(1.0).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_thousand_steps_of_large_scores(dtype):
    """Probabilities far below the smallest number, seen only as logarithms."""
    x = 30 * rng.normal(rng.key(1), (2, 1000, 5), dtype)
    labels = 1 + rng.permutation(rng.key(2), 2 * 40).reshape(2, 40) % 4
    with np.errstate(all="raise"):
        value, vjp = losses.ctc(x, labels)
        slope = vjp(1.0)
    assert np.isfinite(value)
    assert value > 1000
    assert np.isfinite(slope).all()
    np.testing.assert_allclose(slope.sum(axis=2), 0, atol=1e-5)


def test_a_net_learns_to_spell():
    net = layers.per_step(layers.dense(K))
    x = np.eye(6, dtype=np.float32)[None]
    target = (np.array([[1, 2, 2]]), np.array([6]))
    state = training.init(net, optim.adam(0.1), rng.key(0), (6, 6))
    step = training.make_step(net, losses.ctc, optim.adam(0.1))
    for _ in range(60):
        state, found = step(state, (x, target))
    assert found["loss"] < 0.2
    best = training.predict(net, state.params, x)[0].argmax(axis=1)
    joined = [c for c, before in zip(best, (-1, *best[:-1]), strict=True) if c not in (before, 0)]
    assert joined == [1, 2, 2]


@pytest.mark.parametrize(
    ("x", "target", "options", "error", "message"),
    [
        (X[0], LABELS, {}, ShapeError, r"logits: expected \(N, T, K\): .* got \(5, 3\)"),
        (X, LABELS, {"blank": 3}, ConfigError, "blank: expected one of the 3 classes, 0 to 2, got 3"),
        (X, LABELS, {"impossible": "nan"}, ConfigError, "impossible: expected 'error' or 'zero', got 'nan'"),
        (X, LABELS + 1, {}, DataError, "labels: expected 0 to 2, without the blank 0, got 3 in example 0, place 1"),
        (X, -LABELS, {}, DataError, "got -1 in example 0, place 0"),
        (X, LABELS[:, ::-1], {}, DataError, "labels: expected .* got 0 in example 2, place 0"),
        (X, LABELS[:3], {}, ShapeError, r"labels: expected \(4, U\), got \(3, 2\)"),
        (X, LABELS * 1.0, {}, DtypeError, r"labels: expected whole numbers, got float64; cast with labels.astype"),
        (X, (LABELS, STEPS - 1), {}, DataError, "steps: expected 1 to 5, got 0 in example 3"),
        (X, (LABELS, STEPS + 1), {}, DataError, "steps: expected 1 to 5, got 6 in example 0"),
        (X, (LABELS, STEPS[:, None]), {}, ShapeError, r"steps: expected \(4,\), got \(4, 1\)"),
        (X, (LABELS, STEPS, LENGTHS + 1), {}, DataError, "lengths: expected 0 to 2, got 3 in example 0"),
        (X, (LABELS, STEPS, LENGTHS, LENGTHS), {}, ShapeError, "target: expected labels, .* got a tuple of 4"),
    ],
)
def test_what_is_refused(x, target, options, error, message):
    with pytest.raises(error, match=message):
        losses.ctc(x, target, **options)


def test_options_are_checked_when_they_are_set():
    with pytest.raises(ConfigError, match="impossible: expected 'error' or 'zero'"):
        losses.with_options(losses.ctc, impossible="inf")
    with pytest.raises(ConfigError, match="blank: expected a whole number ≥ 0"):
        losses.with_options(losses.ctc, blank=-1)


def test_a_softmax_in_front_is_refused():
    net = layers.serial(layers.per_step(layers.dense(3)), layers.softmax())
    with pytest.raises(ConfigError, match="expected scores in front of ctc, which contains a softmax"):
        training.make_step(net, losses.ctc, optim.sgd(0.1))
