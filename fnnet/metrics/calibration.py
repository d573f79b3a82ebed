"""`calibration_error`: whether a net that says 80 % is right in 80 of 100 cases."""

import numpy as np

from fnnet.arguments import whole
from fnnet.metrics._read import (
    are_answers,
    as_answers,
    as_classes,
    check_probabilities,
    check_scores,
    class_probabilities,
    positive,
)
from fnnet.over_batches import over_batches
from fnnet.recipe import factory
from fnnet.types import Array, Metric


@factory
def calibration_error(bins: int = 15, *, scores: str = "logits") -> Metric:
    """The mean distance between how sure a net is and how often it is right: the expected calibration error.

        ECE = Σ_b (n_b / N) |mean of right - mean of p|    over bins ((b - 1)/B, b/B] of p

    Of classes, p is the probability of the class chosen, and right whether it is the label. Of answers, p is the
    probability of yes, and right whether it is yes; all outputs count alike.

    Args:
        bins: B, of equal width; the first one holds 0 too.
        scores: "logits", in front of a sigmoid or softmax, or "probabilities".

    Raises (the metric):
        DataError: predictions are not the kind of scores they should be; or as for `accuracy`.

    Source: Guo et al. 2017, "On calibration of modern neural networks", equation 3.

    >>> p = np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8]])
    >>> round(calibration_error(10, scores="probabilities")(p, np.array([0, 1, 1])), 4)
    0.3333
    """
    bins, scores = whole("bins", bins, 1), check_scores(scores)

    @over_batches("all")
    def metric(predictions: Array, target: Array, weight: Array | None = None) -> float:
        if are_answers(predictions, target):
            x, yes, weights = as_answers(predictions, target, weight)
            p, right = _of_answers(scores, x).reshape(-1), yes.reshape(-1)
            weights = None if weights is None else np.repeat(weights, x.shape[1])
        else:
            x, labels, weights = as_classes(predictions, target, weight)
            p, right = class_probabilities(scores, x).max(axis=1), x.argmax(axis=1) == labels
        w = np.ones(len(p)) if weights is None else weights
        at = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], p)
        apart = np.bincount(at, w * right, bins) - np.bincount(at, w * p, bins)
        return float(np.abs(apart).sum() / positive(w))

    return metric


def _of_answers(scores: str, x: Array) -> Array:
    """Probabilities of yes in float64."""
    if scores == "probabilities":
        check_probabilities(x)
        return x.astype(np.float64)
    with np.errstate(under="ignore"):
        tail = np.exp(-np.abs(x.astype(np.float64)))
    return np.where(x > 0, 1, tail) / (1 + tail)
