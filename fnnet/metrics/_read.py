"""What metrics are given, checked and made ready: classes, answers or numbers, and the weights of examples."""

from typing import Any

import numpy as np

from fnnet.arguments import example_weights, one_of, plain_array, shown
from fnnet.errors import ConfigError, DataError, DtypeError, NonFiniteError, ShapeError, expected
from fnnet.labels import check_labels
from fnnet.types import Array

_ANSWERS = "metrics.binary_accuracy() or multi_label_accuracy()"
_NUMBERS = "metrics.mean_absolute_error"
_SCORES = ("logits", "probabilities")
_THRESHOLDS = {"logits": 0.0, "probabilities": 0.5}


def check_predictions(predictions: Array) -> None:
    """Raise unless they are a batch of floats without NaN."""
    plain_array("predictions", predictions)
    if predictions.ndim == 0 or predictions.size == 0:
        raise ShapeError(expected("predictions", "a batch (N, …) of N ≥ 1 examples", f"shape {predictions.shape}"))
    if predictions.dtype.kind != "f":
        fix = "pass the net's scores, not the classes it chose"
        raise DtypeError(expected("predictions", "a floating dtype", predictions.dtype, fix))
    if (bad := np.isnan(predictions).reshape(len(predictions), -1).any(axis=1)).any():
        raise NonFiniteError(expected("predictions", "numbers", f"NaN at example {int(bad.argmax())}"))


def as_classes(predictions: Array, labels: Array, weight: Array | None) -> tuple[Array, Array, Array | None]:
    """Scores (M, K), classes (M,) and weights (M,) (None: all 1) of all places together."""
    plain_array("predictions", predictions)
    if predictions.ndim < 2:
        wanted = "(N, K): one score for each class, or (N, K, …)"
        raise ShapeError(expected("predictions", wanted, f"shape {predictions.shape}"))
    check_predictions(predictions)
    if predictions.shape[1] == 1:
        wanted = "scores of at least 2 classes, (N, K)"
        fix = "for yes or no use metrics.binary_accuracy(), with labels of the same shape"
        raise ShapeError(expected("predictions", wanted, f"one score, shape {predictions.shape}", fix))
    labels = check_labels("predictions", predictions, labels, answers=_ANSWERS, numbers=_NUMBERS)
    weights = None if weight is None else example_weights(weight, len(predictions))
    if labels.ndim == predictions.ndim:
        labels = labels.argmax(axis=1)
    if predictions.ndim == 2:
        return predictions, labels, weights
    if weights is not None:
        weights = np.broadcast_to(weights.reshape(-1, *[1] * (labels.ndim - 1)), labels.shape).reshape(-1)
    return np.moveaxis(predictions, 1, -1).reshape(-1, predictions.shape[1]), labels.reshape(-1), weights


def are_answers(predictions: Array, target: Array) -> bool:
    """Whether they look like yes-or-no answers, and not like the scores and labels of classes."""
    for name, array in (("predictions", predictions), ("target", target)):
        plain_array(name, array)
    same = target.shape == predictions.shape
    return predictions.ndim == 1 or predictions.shape[1:] == (1,) or (same and target.dtype.kind in "biu")


def as_answers(predictions: Array, target: Array, weight: Array | None) -> tuple[Array, Array, Array | None]:
    """Scores (N, D), answers (N, D) as booleans and weights (N,) (None: all 1), outputs together."""
    check_predictions(predictions)
    plain_array("target", target)
    if target.dtype.kind not in "biuf":
        raise DtypeError(expected("target", "0 or 1", target.dtype, "compare first: target == 'yes'"))
    check_shape(predictions, target)
    if not ((target == 0) | (target == 1)).all():
        got = f"{target.min()} to {target.max()}"
        fix = "pass target == 1" if ((target == -1) | (target == 1)).all() else "for classes pass scores (N, K)"
        raise DataError(expected("target", "0 or 1", got, fix))
    n = len(predictions)
    weights = None if weight is None else example_weights(weight, n)
    return predictions.reshape(n, -1), target.reshape(n, -1) == 1, weights


def as_numbers(predictions: Array, target: Array, weight: Array | None) -> tuple[Array, Array, Array | None]:
    """Predictions and targets (N, D) in float64 and weights (N,) (None: all 1), outputs together."""
    check_predictions(predictions)
    plain_array("target", target)
    if target.dtype.kind not in "iuf":
        raise DtypeError(expected("target", "numbers", target.dtype))
    check_shape(predictions, target)
    n = len(predictions)
    if not np.isfinite(target).all():
        at = int(np.isfinite(target).reshape(n, -1).all(axis=1).argmin())
        raise NonFiniteError(expected("target", "finite numbers", f"another at example {at}"))
    weights = None if weight is None else example_weights(weight, n)
    return predictions.reshape(n, -1).astype(np.float64), target.reshape(n, -1).astype(np.float64), weights


def check_shape(predictions: Array, target: Array) -> None:
    """Raise unless both have one shape."""
    if target.shape == predictions.shape:
        return
    fix = "pass target[..., None]" if predictions.shape == (*target.shape, 1) else ""
    fix = "pass target[..., 0]" if target.shape == (*predictions.shape, 1) else fix
    raise ShapeError(expected("target", f"the shape {predictions.shape} of predictions", target.shape, fix))


def check_scores(scores: object) -> str:
    """What kind of scores a net makes."""
    if not isinstance(scores, str) or scores not in _SCORES:
        raise ConfigError(expected("scores", one_of(_SCORES), shown(scores)))
    return scores


def chosen(scores: str, predictions: Array) -> Array:
    """Where the answer is yes."""
    if scores == "probabilities":
        check_probabilities(predictions)
    return predictions > _THRESHOLDS[scores]


def check_probabilities(p: Array) -> None:
    """Raise unless all lie in [0, 1]."""
    if p.min() < 0 or p.max() > 1:
        fix = 'for scores in front of a sigmoid or softmax, scores="logits"'
        raise DataError(expected("predictions", "probabilities in [0, 1]", f"{p.min():.6g} to {p.max():.6g}", fix))


def class_probabilities(scores: str, predictions: Array) -> Array:
    """Probabilities (M, K) in float64; of logits and of log-probabilities alike their softmax."""
    p = predictions.astype(np.float64)
    sums = np.abs(p.sum(axis=1) - 1) < 1e-4
    rows = (p >= 0).all(axis=1) & sums
    if scores == "probabilities":
        if not rows.all():
            got = f"others at example {int(rows.argmin())}"
            fix = 'for scores in front of a softmax, scores="logits"'
            raise DataError(expected("predictions", "rows of probabilities ≥ 0 that sum to 1", got, fix))
        return p
    if len(rows) > 1 and p.shape[1] > 1 and rows.all():
        fix = 'say scores="probabilities"'
        raise DataError(expected("predictions", "scores in front of a softmax", "rows of probabilities", fix))
    with np.errstate(under="ignore"):
        e = np.exp(p - p.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)


def mean_of(values: Array, weights: Array | None) -> float:
    """Σ w v / Σ w over the first axis; a Python float."""
    if weights is None:
        total = int(np.count_nonzero(values)) if values.dtype == bool else float(values.sum(dtype=np.float64))
        return total / len(values)
    return float((weights * values).sum() / positive(weights))


def positive(weights: Array) -> float:
    """Σ w, or the error that it is 0."""
    total = float(weights.sum())
    if total == 0:
        raise DataError(expected("weight", "some above 0", f"{len(weights)} zeros"))
    return total


def averaged(average: str, values: Array, support: Any, occurs: Array) -> float | Array:
    """One number of the values of classes (or outputs), or "each" of them, NaN where it does not occur."""
    if average == "each":
        return np.where(occurs, values, np.nan)
    if average == "macro":
        return float(values[occurs].mean())
    return float((values * support).sum() / support.sum())


def check_average(average: object, known: tuple[str, ...]) -> str:
    """One of the known ways."""
    if not isinstance(average, str) or average not in known:
        raise ConfigError(expected("average", one_of(known), shown(average)))
    return average
