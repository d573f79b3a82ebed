"""Accuracy, top-k accuracy and confusion counts against loops over examples, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import errors, metrics, rng
from tests.memory import at_most


def frozen(array):
    array = np.array(array)
    array.flags.writeable = False
    return array


@st.composite
def scored(draw):
    """Scores (N, K) with many ties, and classes (N,)."""
    n, k = draw(st.integers(1, 12)), draw(st.integers(2, 5))
    kind = draw(st.sampled_from([np.float32, np.float64]))
    root = rng.key(draw(st.integers(0, 2**32)))
    scores = np.floor(rng.uniform(rng.fold_in(root, "scores"), (n, k), 0, 4, kind))
    labels = np.floor(rng.uniform(rng.fold_in(root, "labels"), (n,), 0, k)).astype(draw(st.sampled_from(["u1", "i8"])))
    return frozen(scores), frozen(labels)


def order(row):
    """Classes from best to worst, the first of equals first."""
    return sorted(range(len(row)), key=lambda c: (-row[c], c))


@settings(derandomize=True, max_examples=60, deadline=None)
@given(scored(), st.data())
def test_metrics_agree_with_loops(pair, data):
    scores, labels = pair
    n, classes = scores.shape
    k = data.draw(st.integers(1, classes))
    ranked = [order(row) for row in scores.tolist()]
    counts = np.zeros((classes, classes), int)
    for best, label in zip(ranked, labels, strict=True):
        counts[label, best[0]] += 1

    assert metrics.accuracy(scores, labels) == sum(counts.diagonal()) / n == metrics.top_k_accuracy(1)(scores, labels)
    assert metrics.top_k_accuracy(k)(scores, labels) == sum(c in r[:k] for r, c in zip(ranked, labels, strict=True)) / n
    found = metrics.confusion(scores, labels)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, counts)


@settings(derandomize=True, max_examples=30, deadline=None)
@given(scored(), st.data())
def test_batches_add_up(pair, data):
    scores, labels = pair
    cut = data.draw(st.integers(0, len(labels)))
    parts = [(scores[:cut], labels[:cut]), (scores[cut:], labels[cut:])]
    parts = [(x, c) for x, c in parts if len(c)]
    np.testing.assert_array_equal(sum(metrics.confusion(*part) for part in parts), metrics.confusion(scores, labels))
    mean = sum(metrics.accuracy(*part) * len(part[1]) for part in parts) / len(labels)
    assert mean == pytest.approx(metrics.accuracy(scores, labels), abs=1e-15)


@pytest.mark.parametrize("metric", [metrics.accuracy, metrics.top_k_accuracy(2), metrics.confusion])
def test_rows_of_probabilities_mean_their_largest_entry(metric):
    scores = frozen([[0.2, 0.5, 0.3], [3.0, -1.0, -np.inf], [0.0, 0.0, 1.0]])
    rows = frozen([[0.1, 0.8, 0.1], [0.0, 0.5, 0.5], [0.2, 0.2, 0.6]])
    np.testing.assert_array_equal(metric(scores, rows), metric(scores, np.array([1, 1, 2])))


def test_means_are_python_floats():
    scores, labels = np.eye(3, dtype=np.float32), np.arange(3)
    for metric in (metrics.accuracy, metrics.top_k_accuracy(2)):
        assert type(metric(scores, labels)) is float


SCORES = np.zeros((4, 3), np.float32)


@pytest.mark.parametrize("metric", [metrics.accuracy, metrics.top_k_accuracy(2), metrics.confusion])
@pytest.mark.parametrize(
    ("scores", "labels", "error", "message"),
    [
        (SCORES, np.zeros(3, int), errors.ShapeError, r"labels: expected classes \(4,\) or prob.* got \(3,\)"),
        (SCORES, np.zeros((4, 1), int), errors.ShapeError, r"got \(4, 1\); pass labels\[:, 0\]"),
        (SCORES, np.eye(4, dtype=int)[:, :3], errors.DataError, "labels: expected one class .* any number of answers"),
        (SCORES[:3], np.eye(3, dtype=int), errors.DtypeError, r"labels: .* got int64; cast .*astype\(np\.float32\)"),
        (
            SCORES[:1],
            np.array([[-3.0, 7.0, 1.0]]),
            errors.DataError,
            "rows of prob.* least -3 at example 0; for numbers",
        ),
        (
            SCORES[:1],
            np.array([[1.0, 1.0, 0.0]]),
            errors.DataError,
            "sum 2 and least 0 at .*; for several right answers",
        ),
        (SCORES[:2], np.array(["a", "b"]), errors.DtypeError, r"got text \(<U1\); number them"),
        (
            SCORES,
            np.zeros(4, int).view(np.matrix).T,
            errors.DtypeError,
            r"labels: .* got a matrix; cast with np\.asarray",
        ),
        (np.ma.masked_less(SCORES, 1), np.zeros(4, int), errors.DtypeError, "predictions: .* a MaskedArray; fill it"),
        (SCORES, np.array([0, 1, 3, 0]), errors.DataError, "labels: expected classes from 0 to 2, got 3 at example 2"),
        (SCORES, np.array([0, -1, 1, 0]), errors.DataError, "got -1 at example 1"),
        (SCORES, np.zeros(4), errors.DtypeError, "labels: expected integer classes, got float64; cast"),
        (SCORES, np.zeros(4, bool), errors.DtypeError, "labels: expected integer classes, got bool"),
        (SCORES, [0, 0, 0, 0], errors.DtypeError, "labels: expected a NumPy array, got list"),
        (SCORES, np.full((4, 3), np.nan), errors.DataError, "labels: .* got NaN at example 0"),
        (SCORES.tolist(), np.zeros(4, int), errors.DtypeError, "predictions: expected a NumPy array, got list"),
        (np.zeros(4), np.zeros(4, int), errors.ShapeError, r"predictions: expected \(N, K\).* got shape \(4,\)"),
        (
            np.zeros((4, 1)),
            np.zeros(4, int),
            errors.ShapeError,
            r"at least 2 classes.* got one score, shape \(4, 1\); for y",
        ),
        (np.zeros((0, 3)), np.zeros(0, int), errors.ShapeError, r"got shape \(0, 3\)"),
        (np.zeros((4, 3), int), np.zeros(4, int), errors.DtypeError, "predictions: expected a floating dtype"),
        (np.array([[0, 1], [0, np.nan]]), np.zeros(2, int), errors.NonFiniteError, "got NaN at example 1"),
    ],
)
def test_bad_input(metric, scores, labels, error, message):
    with pytest.raises(error, match=message):
        metric(scores, labels)


def test_bad_k():
    with pytest.raises(errors.ConfigError, match="k: expected a whole number ≥ 1, got 0"):
        metrics.top_k_accuracy(0)
    with pytest.raises(errors.ConfigError, match="k: expected at most the 3 classes of predictions, got 4"):
        metrics.top_k_accuracy(4)(SCORES, np.zeros(4, int))


def test_accuracies_of_many_classes_take_no_table_of_pairs():
    k = 20_000
    x, labels = rng.normal(rng.key(0), (8, k)), np.arange(8)
    with at_most(8 * 2**20):  # counts of all pairs would take 3,200
        found = metrics.class_accuracy(x, labels, np.arange(8.0))
    right = x.argmax(axis=1) == labels
    np.testing.assert_array_equal(found[1:8], right[1:])
    assert np.isnan(found[[0, *range(8, k)]]).all()
