"""What every loss checks of its prediction and target, and labels made ready for arithmetic."""

from typing import Any

import numpy as np

from fnnet.arguments import example_weights, plain_array, real, shown
from fnnet.errors import ConfigError, DataError, DtypeError, ShapeError, expected
from fnnet.labels import check_labels
from fnnet.losses._reduce import check_share
from fnnet.types import Array


def check_prediction(name: str, prediction: Array) -> None:
    """Raise unless it is a batch of floats."""
    plain_array(name, prediction)
    if prediction.dtype.kind not in "fc" or prediction.real.itemsize < 4:
        raise DtypeError(expected(name, "float32 or float64", prediction.dtype, "cast with x.astype(np.float32)"))
    if prediction.ndim == 0 or prediction.size == 0:
        raise ShapeError(expected(name, "a batch (N, …) of N ≥ 1 examples", f"shape {prediction.shape}"))


def check_target(name: str, prediction: Array, target: Array, what: str = "target") -> None:
    """Raise unless the target is like the prediction."""
    plain_array(what, target)
    if target.shape != prediction.shape:
        wanted = f"the shape {prediction.shape} of {name}"
        raise ShapeError(expected(what, wanted, target.shape, _axis_advice(what, prediction.shape, target.shape)))
    if target.dtype in (prediction.dtype, prediction.real.dtype):
        return
    dtype = prediction.real.dtype
    if target.dtype.kind not in "biufc":
        raise DtypeError(expected(what, f"numbers of the dtype {dtype} of {name}", f"{target.dtype}, which holds none"))
    fix = f"cast with {what}.astype(np.{dtype})"
    raise DtypeError(expected(what, f"the dtype {dtype} of {name}", target.dtype, fix))


def _axis_advice(what: str, wanted: tuple[int, ...], got: tuple[int, ...]) -> str:
    """What to do about an axis of length 1 that is missing or too many."""
    if wanted == (*got, 1):
        return f"pass {what}[{', '.join([':'] * len(got))}, None]"
    return f"pass {what}[..., 0]" if got == (*wanted, 1) else ""


def error_of(prediction: Array, target: Array) -> Array:
    """x - t, both checked."""
    check_prediction("prediction", prediction)
    check_target("prediction", prediction, target)
    return prediction - target


def weight_of(weight: Array | None, n: int) -> Array | None:
    """The checked weights of n examples, None where all are 1."""
    return None if weight is None else example_weights(weight, n)


# Classes


def read_labels(
    name: str,
    scores: Array,
    labels: Array,
    weight: Array | None = None,
    class_weights: Any = None,
    ignore: int | None = None,
    smoothing: float = 0.0,
) -> tuple[Array, Array | None]:
    """The labels of scores (N, K, …) and their weights (N, …), None where all are 1; all arguments checked.

        w = (weight of the example) · Σₖ cₖ tₖ,  0 where ignored;    t ← (1 - ε) t + ε / K

    Ignored labels come back as class 0, and smoothed ones as rows of probabilities.
    """
    check_prediction(name, scores)
    if scores.ndim < 2:
        raise ShapeError(expected(name, "(N, K): one score for each class, or (N, K, …)", f"shape {scores.shape}"))
    if ignore is not None:
        ignore = check_ignore(ignore)
    labels = check_labels(
        name, scores, labels, answers="losses.binary_cross_entropy", numbers="losses.squared_error", ignore=ignore
    )
    rows = labels.ndim == scores.ndim
    if rows:
        check_target(name, scores, labels, "labels")
    if weight is None and class_weights is None and ignore is None and not smoothing:
        return labels, None  # as nearly always

    weights: Any = None if weight is None else _each_place(example_weights(weight, len(scores)), scores)
    if ignore is not None:
        if rows:
            raise ConfigError(expected("ignore", "None where labels are rows of probabilities", ignore))
        counts = labels != ignore
        labels = np.where(counts, labels, 0)
        weights = counts * (1.0 if weights is None else weights)
    if class_weights is not None:
        own = check_share("class_weights", class_weights, scores.shape[1])
        of_labels = np.tensordot(labels, own, (1, 0)) if rows else own[labels]
        weights = of_labels if weights is None else weights * of_labels
    return smoothed(labels, scores, check_smoothing(smoothing)), weights


def check_ignore(ignore: object) -> int:
    """The label to be ignored."""
    if isinstance(ignore, bool | np.bool_) or not isinstance(ignore, int | np.integer):
        raise ConfigError(expected("ignore", "a whole number, a label such as -1 or 255", shown(ignore)))
    return int(ignore)


def check_smoothing(smoothing: object) -> float:
    """The share of a label that is spread over all classes."""
    return real("smoothing", smoothing, 0, 1, open=")")


def smoothed(labels: Array, scores: Array, smoothing: float) -> Array:
    """(1 - ε) t + ε / K in the dtype of scores; the labels themselves for ε = 0."""
    if not smoothing:
        return labels
    k = scores.shape[1]
    rows = labels if labels.ndim == scores.ndim else as_rows(labels, scores)
    return (1 - smoothing) * rows + smoothing / k


def as_rows(labels: Array, scores: Array) -> Array:
    """Classes (N, …) as rows of probabilities like scores (N, K, …)."""
    return less(labels, np.zeros(scores.shape, scores.real.dtype), -1)


def _each_place(weight: Array, scores: Array) -> Array:
    n, _, *places = scores.shape
    return np.broadcast_to(weight.reshape(n, *[1] * len(places)), (n, *places))


def picked(labels: Array, x: Array) -> Array:
    """Σₖ tₖ xₖ of each label, (N, …), with 0 · ∞ = 0."""
    if labels.ndim == x.ndim:
        return (labels * np.where(labels == 0, 0, x)).sum(axis=1)
    if labels.ndim == 1:
        return x[np.arange(len(labels)), labels]
    return np.take_along_axis(x, labels[:, None], 1)[:, 0]


def less(labels: Array, p: Array, by: float = 1) -> Array:
    """Subtract `by` times t from p, an array made for this, in place."""
    if labels.ndim == p.ndim:
        p -= by * labels
    elif labels.ndim == 1:
        p[np.arange(len(labels)), labels] -= by
    else:
        at = labels[:, None]
        np.put_along_axis(p, at, np.take_along_axis(p, at, 1) - by, 1)
    return p


# Yes or no


def answers_of(
    name: str, scores: Array, target: Array, weight: Array | None, ignore: int | None, only_whole: bool = False
) -> tuple[Array, Array | None, Array | None]:
    """Answers in the dtype of scores, where they count (None: everywhere), and the weights of examples (None: all 1).

    An example whose answers are all ignored weighs nothing.
    """
    check_prediction(name, scores)
    plain_array("target", target)
    if target.dtype.kind in "biu" and target.shape == scores.shape:
        target = target.astype(scores.real.dtype)
    check_target(name, scores, target)
    weights = weight_of(weight, len(scores))
    counts = None
    if ignore is not None:
        counts = target != check_ignore(ignore)
        target = np.where(counts, target, 0)
        some = counts.reshape(len(counts), -1).any(axis=1)
        weights = some * (1.0 if weights is None else weights)
    if not ((target.real >= 0) & (target.real <= 1)).all():
        fix = "pass (target + 1) // 2" if ((target.real == -1) | (target.real == 1)).all() else ""
        raise DataError(expected("target", "numbers in [0, 1]", f"{target.real.min()} to {target.real.max()}", fix))
    if only_whole and not ((target == 0) | (target == 1)).all():
        raise DataError(expected("target", "0 or 1", "numbers between", "use losses.binary_cross_entropy"))
    return target, counts, weights


def check_positive_weight(weight: object) -> Any:
    """What multiplies the losses of yes: a number ≥ 0, or one for each output along axis 1."""
    if isinstance(weight, tuple | list) or (isinstance(weight, np.ndarray) and weight.ndim):
        return check_share("positive_weight", weight)
    return real("positive_weight", weight, 0)


def of_outputs(weight: Any, scores: Array) -> Any:
    """A positive weight against scores (N, D, …), in their dtype."""
    weight = check_positive_weight(weight)
    if not isinstance(weight, np.ndarray):
        return weight
    if scores.ndim < 2 or len(weight) != scores.shape[1]:
        wanted = f"one number, or one for each output along axis 1 of {scores.shape}"
        raise ConfigError(expected("positive_weight", wanted, f"{len(weight)} numbers"))
    return weight.reshape(-1, *[1] * (scores.ndim - 2)).astype(scores.real.dtype)


def where_counted(counts: Array | None, array: Array) -> Array:
    """The array with 0 where an answer does not count."""
    return array if counts is None else np.where(counts, array, 0)
