"""How often a classifier is right: of all, among the k best, of each class, and what it takes for what."""

import numpy as np

from fnnet.arguments import whole
from fnnet.errors import ConfigError, expected
from fnnet.metrics._read import as_classes, mean_of
from fnnet.over_batches import over_batches
from fnnet.recipe import factory
from fnnet.types import Array, Metric


def accuracy(predictions: Array, labels: Array, weight: Array | None = None) -> float:
    """The fraction of examples whose largest score is at their label.

        1/N Σₙ [argmaxₖ xₙₖ = labelₙ]

    Args:
        predictions: scores (N, K), or (N, K, …) for a class at every place.
        labels: classes (N,) or (N, …), or rows of probabilities like predictions.
        weight: of each example, (N,); then right and all are weighed.

    Raises:
        ShapeError: predictions are not (N, K), or labels do not fit them.
        DtypeError: predictions are not floating, or classes are not integers.
        DataError: a class is out of range, or labels are numbers to be met, or have several right answers.
        NonFiniteError: a score is NaN.

    >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2], [0.7, 0.3]]), np.array([1, 0, 1]))
    0.6666666666666666
    """
    scores, classes, weights = as_classes(predictions, labels, weight)
    return mean_of(scores.argmax(axis=1) == classes, weights)


@factory
def top_k_accuracy(k: int) -> Metric:
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

    def metric(predictions: Array, labels: Array, weight: Array | None = None) -> float:
        scores, classes, weights = as_classes(predictions, labels, weight)
        if k > scores.shape[1]:
            raise ConfigError(expected("k", f"at most the {scores.shape[1]} classes of predictions", k))
        own = scores[np.arange(len(classes)), classes][:, None]
        earlier = np.arange(scores.shape[1]) < classes[:, None]
        rank = ((scores > own) | ((scores == own) & earlier)).sum(axis=1)
        return mean_of(rank < k, weights)

    return metric


@over_batches("sum")
def confusion(predictions: Array, labels: Array, weight: Array | None = None) -> Array:
    """Confusion counts (K, K): row i, column j counts the examples of class i that were taken for class j.

    The diagonal is what is right, the sum is N; counts of several batches add up to those of all examples. They are
    int64; of weighted examples they are the sums of weights, float64.

    Args:
        predictions: scores (N, K), or (N, K, …) for a class at every place.
        labels: classes (N,) or (N, …), or rows of probabilities like predictions.
        weight: of each example, (N,); then right and all are weighed.

    The errors are those of `accuracy`.

    >>> confusion(np.array([[0.1, 0.9], [0.8, 0.2], [0.7, 0.3]]), np.array([1, 0, 1]))
    array([[1, 0],
           [1, 1]])
    """
    scores, classes, weights = as_classes(predictions, labels, weight)
    k = scores.shape[1]
    cells = classes.astype(np.int64) * k + scores.argmax(axis=1)
    counts = np.bincount(cells, weights, k * k).reshape(k, k)
    return counts.astype(np.int64 if weights is None else np.float64)


@over_batches("all")
def class_accuracy(predictions: Array, labels: Array, weight: Array | None = None) -> Array:
    """The accuracy among the examples of each class, (K,); NaN where there are none.

        Σₙ [labelₙ = k] [argmax xₙ = k] / Σₙ [labelₙ = k]

    Args:
        predictions: scores (N, K), or (N, K, …) for a class at every place.
        labels: classes (N,) or (N, …), or rows of probabilities like predictions.
        weight: of each example, (N,); then right and all are weighed.

    The errors are those of `accuracy`. The mean is scikit-learn's balanced accuracy.

    >>> class_accuracy(np.array([[0.1, 0.9, 0.0], [0.8, 0.2, 0.0], [0.7, 0.3, 0.0]]), np.array([1, 0, 1]))
    array([1. , 0.5, nan])
    """
    scores, classes, weights = as_classes(predictions, labels, weight)
    classes, k = classes.astype(np.int64), scores.shape[1]
    of_class = np.bincount(classes, weights, k)
    right = np.bincount(classes, (scores.argmax(axis=1) == classes) * (1.0 if weights is None else weights), k)
    return np.where(of_class > 0, right / np.where(of_class > 0, of_class, 1), np.nan)
