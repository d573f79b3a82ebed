"""Metrics against scikit-learn's, with ties, absent classes and weights; and what each refuses."""

import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import calibration
from sklearn import metrics as theirs

from fnnet import metrics, over_batches, recipe, rng
from fnnet.errors import ConfigError, DataError, DtypeError, NonFiniteError, ShapeError

SAME = {"rel": 1e-12, "abs": 1e-14}


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@st.composite
def of_classes(draw, every=False):
    """Logits (N, K) on a grid, so with many ties; classes (N,), all of them where `every`; weights or None."""
    k = draw(st.integers(2, 5))
    n = draw(st.integers(2 * k, 30))
    root = rng.key(draw(st.integers(0, 2**32)))
    x = np.floor(rng.uniform(rng.fold_in(root, "x"), (n, k), 0, 4, np.float64)) * 2.0
    labels = (rng.uniform(rng.fold_in(root, "labels"), (n,), 0, k) // 1).astype(np.int64)
    if every:
        labels[:k] = np.arange(k)
    weight = rng.uniform(rng.fold_in(root, "weight"), (n,), 0.25, 2, np.float64) if draw(st.booleans()) else None
    return x, labels, weight


@st.composite
def of_answers(draw):
    """Logits (N, D) with ties, 0 and 1 (N, D) with both in every column, weights or None."""
    n, d = draw(st.integers(3, 30)), draw(st.integers(1, 4))
    root = rng.key(draw(st.integers(0, 2**32)))
    x = np.floor(rng.uniform(rng.fold_in(root, "x"), (n, d), -2, 3, np.float64)) / 2
    yes = (rng.uniform(rng.fold_in(root, "yes"), (n, d), 0, 2) // 1).astype(draw(st.sampled_from([np.int64, bool])))
    yes[0], yes[1] = 0, 1
    weight = rng.uniform(rng.fold_in(root, "weight"), (n,), 0.25, 2, np.float64) if draw(st.booleans()) else None
    return x, yes, weight


drawn = settings(derandomize=True, max_examples=40, deadline=None)
PAIRS = {
    "precision": (metrics.precision, theirs.precision_score),
    "recall": (metrics.recall, theirs.recall_score),
    "f1": (metrics.f1, theirs.f1_score),
}


@drawn
@given(of_classes())
def test_accuracies(given):
    x, labels, weight = given
    best = x.argmax(axis=1)
    assert metrics.accuracy(x, labels, weight) == pytest.approx(
        theirs.accuracy_score(labels, best, sample_weight=weight), **SAME
    )
    found = metrics.confusion(x, labels, weight)
    k = x.shape[1]
    np.testing.assert_allclose(
        found, theirs.confusion_matrix(labels, best, labels=range(k), sample_weight=weight), rtol=1e-12
    )
    assert found.dtype == (np.int64 if weight is None else np.float64)
    of_class = metrics.class_accuracy(x, labels, weight)
    assert np.isnan(of_class).tolist() == [c not in labels for c in range(k)]
    wanted = theirs.recall_score(
        labels, best, labels=range(k), average=None, sample_weight=weight, zero_division=np.nan
    )
    np.testing.assert_allclose(of_class, wanted, rtol=1e-12)


@drawn
@given(of_classes(), st.integers(1, 5))
def test_top_k(given, k):
    x, labels, weight = given
    k = min(k, x.shape[1] - 1)
    x = x + np.arange(x.shape[1]) * 1e-3  # theirs settles ties by the last, so there are none
    wanted = (
        theirs.accuracy_score(labels, x.argmax(axis=1), sample_weight=weight)
        if x.shape[1] == 2
        else theirs.top_k_accuracy_score(labels, x, k=k, labels=range(x.shape[1]), sample_weight=weight)
    )
    assert metrics.top_k_accuracy(k)(x, labels, weight) == pytest.approx(wanted, **SAME)


@pytest.mark.parametrize("name", PAIRS)
@drawn
@given(of_classes())
def test_precision_recall_f1_of_classes(name, given):
    x, labels, weight = given
    ours, wanted = PAIRS[name]
    best, k = x.argmax(axis=1), x.shape[1]
    for average in ("macro", "micro", "weighted"):
        found = ours(average=average)(x, labels, weight)
        assert type(found) is float
        assert found == pytest.approx(
            wanted(labels, best, average=average, sample_weight=weight, zero_division=0), **SAME
        )
    each = ours(average="each")(x, labels, weight)
    absent = [c not in labels and c not in best for c in range(k)]
    assert np.isnan(each).tolist() == absent
    of_class = wanted(labels, best, labels=range(k), average=None, sample_weight=weight, zero_division=0)
    np.testing.assert_allclose(each[~np.array(absent)], of_class[~np.array(absent)], rtol=1e-12)


@pytest.mark.parametrize("name", PAIRS)
@drawn
@given(of_answers())
def test_precision_recall_f1_of_answers(name, given):
    x, yes, weight = given
    ours, wanted = PAIRS[name]
    for average in ("macro", "micro", "weighted"):
        found = ours(average=average)(x, yes, weight)
        if x.shape[1] == 1:
            other = wanted(yes[:, 0], x[:, 0] > 0, sample_weight=weight, zero_division=0)
        else:
            other = wanted(yes, x > 0, average=average, sample_weight=weight, zero_division=0)
        assert found == pytest.approx(other, **SAME)
    each = ours(average="each")(x, yes, weight)
    one = [wanted(yes[:, c], x[:, c] > 0, sample_weight=weight, zero_division=0) for c in range(x.shape[1])]
    np.testing.assert_allclose(each, one, rtol=1e-12)
    probable = 1 / (1 + np.exp(-x))
    assert ours(scores="probabilities")(probable, yes, weight) == ours()(x, yes, weight)
    assert ours()(x[:, 0], yes[:, 0].astype(np.uint8), weight) == pytest.approx(one[0], **SAME)


@drawn
@given(of_answers())
def test_accuracies_of_answers(given):
    x, yes, weight = given
    each = [theirs.accuracy_score(yes[:, c], x[:, c] > 0, sample_weight=weight) for c in range(x.shape[1])]
    assert metrics.binary_accuracy()(x, yes, weight) == pytest.approx(np.mean(each), **SAME)
    wanted = theirs.accuracy_score(yes, x > 0, sample_weight=weight)
    assert metrics.multi_label_accuracy()(x, yes, weight) == pytest.approx(wanted, **SAME)
    if x.shape[1] > 1:
        lost = theirs.hamming_loss(yes, x > 0, sample_weight=weight)
        assert metrics.binary_accuracy()(x, yes.astype(np.float64), weight) == pytest.approx(1 - lost, **SAME)


RANKED = {
    "roc_auc": (metrics.roc_auc, theirs.roc_auc_score),
    "average_precision": (metrics.average_precision, theirs.average_precision_score),
}


@pytest.mark.parametrize("name", RANKED)
@drawn
@given(of_answers())
def test_ranks_of_answers(name, given):
    x, yes, weight = given
    ours, wanted = RANKED[name]
    each = [wanted(yes[:, c], x[:, c], sample_weight=weight) for c in range(x.shape[1])]
    np.testing.assert_allclose(ours(average="each")(x, yes, weight), each, rtol=1e-12)
    assert ours()(x, yes, weight) == pytest.approx(np.mean(each), **SAME)
    assert ours(average="weighted")(x, yes, weight) == pytest.approx(
        wanted(yes, x, average="weighted", sample_weight=weight), **SAME
    )
    assert ours()(x[:, 0], yes[:, 0], weight) == pytest.approx(each[0], **SAME)


@pytest.mark.parametrize("name", RANKED)
@drawn
@given(of_classes(every=True))
def test_ranks_of_classes(name, given):
    x, labels, weight = given
    ours, wanted = RANKED[name]
    p = softmax(x)
    for average in ("macro", "weighted"):
        other = wanted(np.eye(x.shape[1], dtype=int)[labels], p, average=average, sample_weight=weight)
        assert ours(average=average)(x, labels, weight) == pytest.approx(other, **SAME)
        assert ours(average=average, scores="probabilities")(p, labels, weight) == pytest.approx(other, **SAME)
    if name == "roc_auc" and x.shape[1] > 2 and weight is None:
        assert ours()(x, labels) == pytest.approx(wanted(labels, p, multi_class="ovr"), **SAME)


def test_the_area_is_the_share_of_pairs():
    x, yes = np.array([0.5, 0.5, 0.1, 0.9, 0.5]), np.array([1, 0, 0, 1, 0])
    pairs = [(a > b) + 0.5 * (a == b) for a in x[yes == 1] for b in x[yes == 0]]
    assert metrics.roc_auc()(x, yes) == np.mean(pairs)


@pytest.mark.parametrize("shape", [(20,), (20, 1), (20, 3), (20, 2, 2)])
@pytest.mark.parametrize("weighed", [False, True])
def test_metrics_of_numbers(shape, weighed):
    t, x = (rng.normal(rng.key(seed), shape, np.float64) + 3 * seed for seed in (1, 2))
    weight = rng.uniform(rng.key(3), (20,), 0, 2, np.float64) if weighed else None
    flat = (t.reshape(20, -1), x.reshape(20, -1))
    for ours, wanted in [
        (metrics.mean_absolute_error, theirs.mean_absolute_error),
        (metrics.mean_absolute_percentage_error, theirs.mean_absolute_percentage_error),
        (metrics.r2, theirs.r2_score),
    ]:
        assert ours(x, t, weight) == pytest.approx(wanted(*flat, sample_weight=weight), rel=1e-12)
        assert type(ours(x.astype(np.float32), t, weight)) is float


@pytest.mark.parametrize("bins", [1, 5, 10, 15])
def test_calibration_of_answers(bins):
    p = np.floor(rng.uniform(rng.key(0), (300,), 0, 21, np.float64)) / 20  # many on the edges of bins
    yes = (rng.uniform(rng.key(1), (300,), 0, 1) < p).astype(int)
    right, mean = calibration.calibration_curve(yes, p, n_bins=bins)
    counts = np.bincount(np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], p), minlength=bins)
    wanted = (np.abs(right - mean) * counts[counts > 0]).sum() / 300
    assert metrics.calibration_error(bins, scores="probabilities")(p, yes) == pytest.approx(wanted, rel=1e-12)


def test_calibration_of_classes_by_a_loop():
    x, labels = rng.normal(rng.key(0), (200, 4), np.float64), rng.permutation(rng.key(1), 200) % 4
    weight = rng.uniform(rng.key(2), (200,), 0, 2, np.float64)
    p, total = softmax(x), 0.0
    for b in range(15):
        inside = [i for i in range(200) if b / 15 < p[i].max() <= (b + 1) / 15]
        total += abs(sum(weight[i] * ((p[i].argmax() == labels[i]) - p[i].max()) for i in inside))
    assert metrics.calibration_error()(x, labels, weight) == pytest.approx(total / weight.sum(), rel=1e-12)
    assert metrics.calibration_error(scores="probabilities")(p, labels, weight) == pytest.approx(total / weight.sum())
    assert metrics.calibration_error()(np.log(p), labels, weight) == pytest.approx(total / weight.sum())


def test_a_perfect_net_is_calibrated():
    assert metrics.calibration_error()(np.array([[-50.0], [50.0]]), np.array([[0], [1]])) == pytest.approx(0, abs=1e-15)


def test_a_class_at_every_place_is_as_many_examples():
    x, labels = rng.normal(rng.key(0), (4, 3, 5, 2), np.float64), rng.permutation(rng.key(1), 40).reshape(4, 5, 2) % 3
    weight = np.array([1.0, 2.0, 0.5, 3.0])
    flat, each = np.moveaxis(x, 1, -1).reshape(-1, 3), labels.reshape(-1)
    for metric in (
        *(metrics.accuracy, metrics.confusion, metrics.class_accuracy, metrics.top_k_accuracy(2), metrics.f1()),
        *(metrics.roc_auc(), metrics.calibration_error()),
    ):
        np.testing.assert_allclose(metric(x, labels), metric(flat, each), rtol=1e-14)
        np.testing.assert_allclose(metric(x, labels, weight), metric(flat, each, np.repeat(weight, 10)), rtol=1e-14)
    rows = np.moveaxis(np.eye(3)[labels], -1, 1)
    assert metrics.accuracy(x, rows) == metrics.accuracy(x, labels)


def test_a_label_that_does_not_count():
    x, labels = rng.normal(rng.key(0), (4, 3, 5), np.float64), rng.permutation(rng.key(1), 20).reshape(4, 5) % 4
    weight = np.array([1.0, 2.0, 0.5, 3.0])
    kept = labels.reshape(-1) != 3
    flat, each, own = np.moveaxis(x, 1, -1).reshape(-1, 3)[kept], labels.reshape(-1)[kept], np.repeat(weight, 5)[kept]
    for metric in (metrics.accuracy, metrics.confusion, metrics.f1(), metrics.roc_auc()):
        np.testing.assert_array_equal(metrics.ignoring(3, metric)(x, labels), metric(flat, each))
        np.testing.assert_array_equal(metrics.ignoring(3, metric)(x, labels, weight), metric(flat, each, own))
    answers_of, given = np.array([[1.0, -1.0], [-1.0, 1.0]]), np.array([[1, -1], [1, 1]])
    assert metrics.ignoring(-1, answers())(answers_of, given) == 2 / 3
    assert over_batches.how_of(metrics.ignoring(3, metrics.accuracy)) == "all"


auc, ap, answers = metrics.roc_auc, metrics.average_precision, metrics.binary_accuracy
mae, mape = metrics.mean_absolute_error, metrics.mean_absolute_percentage_error

EVERY = {
    "ignoring": metrics.ignoring(-1, metrics.accuracy),
    "accuracy": metrics.accuracy,
    "class_accuracy": metrics.class_accuracy,
    "confusion": metrics.confusion,
    "top_k_accuracy": metrics.top_k_accuracy(2),
    "precision": metrics.precision(),
    "recall": metrics.recall(average="each"),
    "f1": metrics.f1(average="micro"),
    "roc_auc": metrics.roc_auc(),
    "average_precision": metrics.average_precision(),
    "calibration_error": metrics.calibration_error(),
    "binary_accuracy": metrics.binary_accuracy(),
    "multi_label_accuracy": metrics.multi_label_accuracy(),
    "mean_absolute_error": metrics.mean_absolute_error,
    "mean_absolute_percentage_error": metrics.mean_absolute_percentage_error,
    "r2": metrics.r2,
}
ANSWERS = {"binary_accuracy", "multi_label_accuracy"}
NUMBERS = {"mean_absolute_error", "mean_absolute_percentage_error", "r2"}


def some(name, n=12):
    x = rng.normal(rng.key(0), (n, 3), np.float64)
    if name in ANSWERS:
        return x, (rng.normal(rng.key(1), (n, 3)) > 0).astype(int)
    return x, (rng.normal(rng.key(1), (n, 3), np.float64) if name in NUMBERS else np.arange(n) % 3)


def test_every_metric_is_here():
    assert {*EVERY} == {*metrics.__all__} - {"over_batches"}


@pytest.mark.parametrize("name", EVERY)
def test_whole_weights_are_repetitions(name):
    x, t = some(name)
    weight = np.arange(12) % 4
    times = np.repeat(np.arange(12), weight)
    np.testing.assert_allclose(EVERY[name](x, t, weight), EVERY[name](x[times], t[times]), rtol=1e-13)
    np.testing.assert_allclose(
        EVERY[name](x, t, np.full(12, 0.5)) * (2 if name == "confusion" else 1), EVERY[name](x, t)
    )


@pytest.mark.parametrize("name", EVERY)
def test_pure_and_of_python_numbers(name):
    x, t = some(name)
    x.flags.writeable = t.flags.writeable = False
    first = EVERY[name](x, t)
    np.testing.assert_array_equal(first, EVERY[name](x, t))
    assert type(first) is float or first.dtype in (np.float64, np.int64)
    np.testing.assert_allclose(EVERY[name](np.asfortranarray(x), t), first, rtol=1e-14)


@pytest.mark.parametrize("name", EVERY)
def test_bad_weights_and_predictions(name):
    x, t = some(name, 12)
    for weight, error, message in [
        (np.ones(3), ShapeError, r"weight: expected one number for each example, \(12,\), got \(3,\)"),
        (-np.ones(12), DataError, "weight: expected finite numbers ≥ 0, got -1.0 at example 0"),
        ([1.0] * 12, DtypeError, "weight: expected a NumPy array, got list"),
    ]:
        with pytest.raises(error, match=message):
            EVERY[name](x, t, weight)
    for bad, error, message in [
        (x.tolist(), DtypeError, "predictions: expected a NumPy array, got list"),
        (np.ma.masked_array(x), DtypeError, "predictions: .* a MaskedArray; fill"),
        (np.where(np.arange(12)[:, None] == 5, np.nan, x), NonFiniteError, "predictions: .* NaN at example 5"),
        ((x * 10).astype(int), DtypeError, "predictions: expected a floating dtype, got int64; pass the net's"),
    ]:
        with pytest.raises(error, match=message):
            EVERY[name](bad, t)
    if name not in ("confusion", "class_accuracy"):
        with pytest.raises(DataError, match="weigh"):
            EVERY[name](x, t, np.zeros(12))


X3, Y3 = np.zeros((4, 3)), np.array([0, 1, 2, 0])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: auc()(np.ones(3), np.ones(3, int)),
            DataError,
            "for roc_auc: expected both yes and no",
        ),
        (
            lambda: auc()(X3, Y3 % 2),
            DataError,
            "target of class 2, for roc_auc: .* got only no; eval",
        ),
        (
            lambda: ap()(np.ones(2), np.zeros(2, int)),
            DataError,
            "expected a yes, got only no",
        ),
        (lambda: metrics.precision()(-np.ones(2), np.zeros(2, int)), DataError, "at least one yes .*, got none"),
        (lambda: metrics.r2(np.ones(3), np.ones(3)), DataError, "target, for r2: .* got all the same$"),
        (lambda: metrics.r2(np.ones((1, 2)), np.ones((1, 2))), DataError, "got all the same at output 0"),
        (
            lambda: mape(np.ones(2), np.array([1, 0])),
            DataError,
            "got 0 at example 1",
        ),
        (
            lambda: mae(np.ones((3, 1)), np.ones(3)),
            ShapeError,
            r"pass target\[\.\.\., None\]",
        ),
        (
            lambda: mae(np.ones(3), np.ones((3, 1))),
            ShapeError,
            r"pass target\[\.\.\., 0\]",
        ),
        (
            lambda: mae(np.ones(1), np.array(["1"])),
            DtypeError,
            "target: expected numbers, got <U1",
        ),
        (
            lambda: metrics.r2(np.ones(2), np.array([1, np.inf])),
            NonFiniteError,
            "target: .* another at example 1",
        ),
        (
            lambda: answers()(np.ones(2), np.array([1, 2])),
            DataError,
            "target: expected 0 or 1, got 1 to 2",
        ),
        (lambda: answers()(np.ones(2), np.array([1, -1])), DataError, "pass target == 1"),
        (lambda: answers()(np.ones(2), np.array(["y", "n"])), DtypeError, "compare first"),
        (
            lambda: answers(scores="probabilities")(np.array([2.0]), np.array([1])),
            DataError,
            r"probabilities in \[0, 1\], got 2 to 2; for scores in front of a sigmoid or softmax, scores=\"logits\"",
        ),
        (
            lambda: auc(scores="probabilities")(X3, Y3),
            DataError,
            "rows of prob.*, got others at example 0",
        ),
        (
            lambda: metrics.calibration_error()(X3 + 1 / 3, Y3),
            DataError,
            'got rows of .*; say scores="probabilities"',
        ),
        (lambda: metrics.f1(average="binary"), ConfigError, "average: expected 'macro' or .* got 'binary'"),
        (
            lambda: auc(average="micro"),
            ConfigError,
            "average: expected 'macro' or 'weighted' or 'each'",
        ),
        (
            lambda: metrics.f1(scores=X3),
            ConfigError,
            r"scores: expected 'logits' or .* got an array \(4, 3\) float64",
        ),
        (lambda: metrics.calibration_error(0), ConfigError, "bins: expected a whole number ≥ 1, got 0"),
        (
            lambda: metrics.ignoring(0.5, auc()),
            ConfigError,
            "label: expected a whole number such as -1 or 255",
        ),
        (lambda: metrics.ignoring(0, X3), ConfigError, r"metric: expected a function .* got an array \(4, 3\) float64"),
        (
            lambda: metrics.ignoring(7, auc())(X3, Y3 * 0 + 7),
            DataError,
            "labels besides 7, got 4 times 7",
        ),
        (
            lambda: metrics.ignoring(7, auc())(X3, Y3[:3]),
            ShapeError,
            r"classes or answers of predictions \(4, 3\)",
        ),
        (lambda: metrics.over_batches("mean"), ConfigError, "how: expected 'all' or 'sum', got 'mean'"),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e3])
@pytest.mark.parametrize("name", EVERY)
def test_under_foreign_error_settings(name, scale):
    x, t = some(name)
    x = (x * scale).astype(np.float32)
    with np.errstate(all="raise"):
        found = EVERY[name](x, t, np.arange(12) * 1e-20)
    np.testing.assert_array_equal(found, EVERY[name](x, t, np.arange(12) * 1e-20))


@pytest.mark.parametrize("name", EVERY)
def test_every_metric_there_and_back(name):
    metric = EVERY[name]
    x, t = some(name)
    again = pickle.loads(pickle.dumps(metric))
    assert again == metric
    np.testing.assert_array_equal(again(x, t), metric(x, t))
    assert over_batches.how_of(again) == over_batches.how_of(metric)
    assert recipe.from_json(json.loads(json.dumps(recipe.to_json(metric)))) == metric
