"""Precision, recall and F1: of what was taken for a class, how much is of it; of what is of it, how much was found."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from fnnet.errors import DataError, expected
from fnnet.metrics._read import are_answers, as_answers, as_classes, averaged, check_average, check_scores, chosen
from fnnet.over_batches import over_batches
from fnnet.recipe import factory
from fnnet.types import Array, Metric

_AVERAGES = ("macro", "micro", "weighted", "each")


class _Counts(NamedTuple):
    """Of each class (or output), weighted."""

    right: Array  # of it and taken for it
    taken: Array  # for it
    actual: Array  # of it


@factory
def precision(*, average: str = "macro", scores: str = "logits") -> Metric:
    """Of what was taken for a class, the fraction that is of it.

        precisionₖ = rightₖ / takenₖ,  0 where nothing was taken for k

    Scores (N, K, …) with labels (N, …) are of K classes; scores with whole numbers 0 and 1 of the same shape are of
    answers, each output a class of its own whose yes counts.

    Args:
        average: "macro", the mean over classes that occur among labels or predictions, as scikit-learn's default;
            "weighted", by how often they occur among labels; "micro", of all classes' counts together; "each", an array
            (K,) with NaN for a class that does not occur.
        scores: of answers, "logits" or "probabilities".

    Raises (the metric):
        DataError: there is no yes among targets and predictions; or as for `accuracy` and `binary_accuracy`.

    >>> x, labels = np.array([[2.0, 1.0], [0.0, 1.0], [0.0, 1.0]]), np.array([0, 0, 1])
    >>> precision()(x, labels), precision(average="each")(x, labels)
    (0.75, array([1. , 0.5]))
    """
    return _metric(average, scores, lambda counts: (counts.right, counts.taken))


@factory
def recall(*, average: str = "macro", scores: str = "logits") -> Metric:
    """Of what is of a class, the fraction that was taken for it.

        recallₖ = rightₖ / actualₖ,  0 where nothing is of k

    Args:
        average: as for `precision`.
        scores: as for `precision`.

    The errors are those of `precision`.

    >>> x, labels = np.array([[2.0, 1.0], [0.0, 1.0], [0.0, 1.0]]), np.array([0, 0, 1])
    >>> recall()(x, labels), recall(average="each")(x, labels)
    (0.75, array([0.5, 1. ]))
    """
    return _metric(average, scores, lambda counts: (counts.right, counts.actual))


@factory
def f1(*, average: str = "macro", scores: str = "logits") -> Metric:
    """The harmonic mean of precision and recall.

        F1ₖ = 2 rightₖ / (takenₖ + actualₖ)

    Args:
        average: as for `precision`; the mean of the classes' F1, not F1 of means.
        scores: as for `precision`.

    The errors are those of `precision`.

    >>> f1(average="micro")(np.array([2.0, -1.0, 1.0]), np.array([1, 1, 0]))
    0.5
    """
    return _metric(average, scores, lambda counts: (2 * counts.right, counts.taken + counts.actual))


def _metric(average: str, scores: str, ratio: Callable[[_Counts], tuple[Array, Array]]) -> Metric:
    average, scores = check_average(average, _AVERAGES), check_scores(scores)

    @over_batches("all")
    def metric(predictions: Array, target: Array, weight: Array | None = None) -> float | Array:
        counts = _counts(scores, predictions, target, weight)
        occurs = (counts.taken + counts.actual) > 0
        if not occurs.any() or (average == "weighted" and not counts.actual.any()):
            raise DataError(expected("target and predictions", "at least one yes that weighs something", "none"))
        if average == "micro":
            above, below = ratio(_Counts(*(count.sum() for count in counts)))
            return float(above / below) if below else 0.0
        above, below = ratio(counts)
        return averaged(average, above / np.where(below == 0, 1, below), counts.actual, occurs)

    return metric


def _counts(scores: str, predictions: Array, target: Array, weight: Array | None) -> _Counts:
    if are_answers(predictions, target):
        x, yes, weights = as_answers(predictions, target, weight)
        taken = chosen(scores, x)
        w = np.ones((len(x), 1)) if weights is None else weights[:, None]
        return _Counts(*((w * hit).sum(axis=0) for hit in (taken & yes, taken, yes)))
    x, labels, weights = as_classes(predictions, target, weight)
    best, k = x.argmax(axis=1), x.shape[1]

    def count(classes: Array, where: Array | slice = slice(None)) -> Array:
        of = None if weights is None else weights[where]
        return np.bincount(classes[where].astype(np.int64), of, k).astype(np.float64)

    return _Counts(count(labels, labels == best), count(best), count(labels))
