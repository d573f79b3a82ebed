"""Metrics of rank: how well scores put yes in front of no, wherever the line is drawn."""

from collections.abc import Callable

import numpy as np

from fnnet.errors import DataError, expected
from fnnet.metrics._read import (
    are_answers,
    as_answers,
    as_classes,
    averaged,
    check_average,
    check_scores,
    class_probabilities,
    positive,
)
from fnnet.over_batches import over_batches
from fnnet.recipe import factory
from fnnet.types import Array, Metric

_AVERAGES = ("macro", "weighted", "each")


@factory
def roc_auc(*, average: str = "macro", scores: str = "logits") -> Metric:
    """The probability that a yes has a higher score than a no, equal scores counting half.

        AUC = Σ over pairs (yes i, no j) of ([xᵢ > xⱼ] + ½ [xᵢ = xⱼ]) / (number of pairs)

    which is the area under the curve of true by false positive rate. Answers are ranked by their scores, output by
    output; classes one against the rest, by their probabilities.

    Args:
        average: "macro", the mean over outputs or classes; "weighted", by their yes; "each", an array (K,).
        scores: of classes, whose probabilities rank them: "logits" (or log-probabilities), or "probabilities".

    Raises (the metric):
        DataError: a class (or output) has only yes or only no, so there is no pair; or as for `accuracy`.

    >>> roc_auc()(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1]))
    0.75
    """
    return _ranked("roc_auc", average, scores, _area, "both yes and no")


@factory
def average_precision(*, average: str = "macro", scores: str = "logits") -> Metric:
    """The mean of the precisions at every yes, ranked by score.

        AP = Σₙ (Rₙ - Rₙ₋₁) Pₙ,  precision and recall of the scores ≥ the n-th highest

    without interpolation; equal scores are one step.

    Args:
        average: as for `roc_auc`.
        scores: as for `roc_auc`.

    Raises (the metric):
        DataError: a class (or output) has no yes; or as for `accuracy`.

    >>> round(average_precision()(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1])), 4)
    0.8333
    """
    return _ranked("average_precision", average, scores, _steps, "a yes")


def _ranked(name: str, average: str, scores: str, of: Callable[[Array, Array], float], needs: str) -> Metric:
    average, scores = check_average(average, _AVERAGES), check_scores(scores)

    @over_batches("all")
    def metric(predictions: Array, target: Array, weight: Array | None = None) -> float | Array:
        if are_answers(predictions, target):
            x, yes, weights = as_answers(predictions, target, weight)
        else:
            x, labels, weights = as_classes(predictions, target, weight)
            x, yes = class_probabilities(scores, x), labels[:, None] == np.arange(x.shape[1])
        w = np.ones(len(x)) if weights is None else weights
        positive(w)
        support = (w[:, None] * yes).sum(axis=0)
        lacking = support == 0
        if needs.startswith("both"):
            lacking |= (w[:, None] * ~yes).sum(axis=0) == 0
        if lacking.any():
            where = f" of class {int(lacking.argmax())}" if len(lacking) > 1 else ""
            got = "only no" if support[lacking.argmax()] == 0 else "only yes"
            raise DataError(expected(f"target{where}, for {name}", needs, got, "evaluate on more examples"))
        values = np.array([of(*_curve(x[:, k], yes[:, k], w)) for k in range(x.shape[1])])
        return averaged(average, values, support, ~lacking)

    return metric


def _curve(x: Array, yes: Array, w: Array) -> tuple[Array, Array]:
    """Weights of true and of false yes among the scores ≥ each of the different ones, highest first."""
    order = np.argsort(-x, kind="stable")
    x, true, false = x[order], (w * yes)[order].cumsum(), (w * ~yes)[order].cumsum()
    last = np.append(x[1:] != x[:-1], True)  # of equal scores
    return true[last], false[last]


def _area(true: Array, false: Array) -> float:
    t, f = np.append(0, true), np.append(0, false)
    return float(((f[1:] - f[:-1]) * (t[1:] + t[:-1])).sum() / (2 * t[-1] * f[-1]))


def _steps(true: Array, false: Array) -> float:
    all = true + false
    gained = np.diff(true, prepend=0)
    return float((gained * np.divide(true, all, out=np.zeros_like(true), where=all > 0)).sum() / true[-1])
