"""Metrics: functions `(predictions, labels) -> value` that say how often a classifier is right.

Predictions are scores (N, K) of any kind in which the largest wins: logits, log-probabilities, probabilities. Labels
are classes (N,), integers from 0 to K - 1, or rows of probabilities (N, K), meaning their largest entry. Of equal
scores the first one wins.

Over batches, means (Python floats) are averaged by the numbers of examples, counts (integers) add up, as
`training.evaluate` does.
"""

from collections.abc import Callable

import numpy as np

from fnnet.arguments import plain_array, whole
from fnnet.errors import ConfigError, DtypeError, NonFiniteError, ShapeError, expected
from fnnet.labels import check_labels
from fnnet.recipe import factory
from fnnet.types import Array

__all__ = ["accuracy", "confusion", "top_k_accuracy"]

ANSWERS, NUMBERS = "a metric of answers", "a metric of numbers"


def accuracy(predictions: Array, labels: Array) -> float:
    """The fraction of examples whose largest score is at their label.

        1/N Σₙ [argmaxₖ xₙₖ = labelₙ]

    Args:
        predictions: scores (N, K).
        labels: classes (N,), or rows of probabilities (N, K).

    Raises:
        ShapeError: predictions are not (N, K), or labels do not fit them.
        DtypeError: predictions are not floating, or classes are not integers.
        DataError: a class is out of range, or labels are numbers to be met, or have several right answers.
        NonFiniteError: a score is NaN.

    >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2], [0.7, 0.3]]), np.array([1, 0, 1]))
    0.6666666666666666
    """
    classes = _classes(predictions, labels)
    return int(np.count_nonzero(predictions.argmax(axis=1) == classes)) / len(classes)


@factory
def top_k_accuracy(k: int) -> Callable[[Array, Array], float]:
    """The metric that counts an example as right if its label is among the k largest scores.

    `top_k_accuracy(1)` is `accuracy`; of equal scores the first ones come first.

    Args:
        k: from 1 to the number of classes.

    Raises:
        ConfigError: k < 1, or predictions have fewer than k classes.

    The other errors are those of `accuracy`.

    >>> top_k_accuracy(2)(np.array([[0.1, 0.5, 0.4], [0.6, 0.3, 0.1]]), np.array([2, 2]))
    0.5
    """
    k = whole("k", k, 1)

    def metric(predictions: Array, labels: Array) -> float:
        classes = _classes(predictions, labels)
        if k > predictions.shape[1]:
            raise ConfigError(expected("k", f"at most the {predictions.shape[1]} classes of predictions", k))
        own = predictions[np.arange(len(classes)), classes][:, None]
        earlier = np.arange(predictions.shape[1]) < classes[:, None]
        rank = ((predictions > own) | ((predictions == own) & earlier)).sum(axis=1)
        return int(np.count_nonzero(rank < k)) / len(classes)

    return metric


def confusion(predictions: Array, labels: Array) -> Array:
    """Confusion counts (K, K), int64: row i, column j counts the examples of class i that were taken for class j.

    The diagonal is what is right, the sum is N; counts of several batches add up to those of all examples.

    Args:
        predictions: scores (N, K).
        labels: classes (N,), or rows of probabilities (N, K).

    The errors are those of `accuracy`.

    >>> confusion(np.array([[0.1, 0.9], [0.8, 0.2], [0.7, 0.3]]), np.array([1, 0, 1]))
    array([[1, 0],
           [1, 1]])
    """
    classes = _classes(predictions, labels)
    k = predictions.shape[1]
    cells = classes.astype(np.int64) * k + predictions.argmax(axis=1)
    return np.bincount(cells, minlength=k * k).reshape(k, k).astype(np.int64)


def _classes(predictions: Array, labels: Array) -> Array:
    """The checked labels as classes (N,)."""
    plain_array("predictions", predictions)
    if predictions.ndim != 2 or predictions.size == 0:
        raise ShapeError(expected("predictions", "(N, K): one score for each class", f"shape {predictions.shape}"))
    if predictions.dtype.kind != "f":
        fix = "pass the net's scores, not the classes it chose"
        raise DtypeError(expected("predictions", "a floating dtype", predictions.dtype, fix))
    if (bad := np.isnan(predictions).any(axis=1)).any():
        raise NonFiniteError(expected("predictions", "numbers", f"NaN at example {int(bad.argmax())}"))
    labels = check_labels("predictions", predictions, labels, answers=ANSWERS, numbers=NUMBERS)
    return labels if labels.ndim == 1 else labels.argmax(axis=1)
