"""Losses: `(prediction, target, reduction="mean") -> (value, vjp)` with `vjp(1.0) -> dprediction`.

| loss | of one example | prediction | target |
|---|---|---|---|
| `softmax_cross_entropy` | -Σ t log softmax(x) | scores (N, K) | classes (N,) or probabilities (N, K) |
| `negative_log_likelihood` | -Σ t x | log-probabilities (N, K) | classes (N,) or probabilities (N, K) |
| `binary_cross_entropy` | -Σ t log p + (1 - t) log (1 - p), p = σ(x) | scores (N, …) | 0, 1 or probabilities (N, …) |
| `squared_error` | ½ Σ (x - t)² | (N, …) | (N, …) |
| `mean_squared_error` | mean of (x - t)² | (N, …) | (N, …) |
| `norm_loss` | √Σ (x - t)² | (N, …) | (N, …) |
| `huber` | Σ ½ (x - t)², but linear beyond δ | (N, …) | (N, …) |

Sums run over the outputs of an example; `reduction` takes the mean or the sum over the batch. The value is a Python
number, summed in float64; dprediction has the shape and dtype of prediction. Predictions are float32 or float64, and
targets of the same dtype (classes are integers). Complex predictions are for proofs by complex steps.
"""

from collections.abc import Callable
from typing import Protocol, TypeAlias

import numpy as np

from fnnet.arguments import one_of, plain_array, real, shown
from fnnet.errors import ConfigError, DataError, DtypeError, ShapeError, expected
from fnnet.labels import check_labels
from fnnet.types import Array

__all__ = [
    "binary_cross_entropy",
    "huber",
    "mean_squared_error",
    "negative_log_likelihood",
    "norm_loss",
    "softmax_cross_entropy",
    "squared_error",
]


class LossPullback(Protocol):
    """The vector-Jacobian product of a loss."""

    def __call__(self, dvalue: float) -> Array:
        """`dvalue` times the derivative by prediction: a new array like it. May be called any number of times."""


LossValue: TypeAlias = tuple[float, LossPullback]
Loss: TypeAlias = Callable[..., LossValue]  # of (prediction, target, reduction="mean")


def softmax_cross_entropy(logits: Array, labels: Array, reduction: str = "mean") -> LossValue:
    """Cross-entropy between labels and the softmax of scores.

        loss = log Σₖ eˣₖ - Σₖ tₖ xₖ,    dx = softmax(x) - t

    with t the label as probabilities, one-hot for a class. The maximum is subtracted first, so nothing overflows.

    Args:
        logits: scores (N, K), before any softmax.
        labels: classes (N,), integers from 0 to K - 1; or rows of probabilities (N, K) in the dtype of logits.
        reduction: "mean" or "sum" over the batch.

    Raises:
        DataError: a class is out of range, or a row is not a row of probabilities.
        ShapeError: logits are not (N, K), or labels do not fit them.
        DtypeError: classes are not integers, or probabilities are not of the logits' dtype.

    >>> value, vjp = softmax_cross_entropy(np.array([[0.0, 0.0], [1e4, -1e4]]), np.array([0, 1]))
    >>> value
    10000.34657359028
    >>> vjp(1.0)
    array([[-0.25,  0.25],
           [ 0.5 , -0.5 ]])
    """
    _check_prediction("logits", logits)
    _check_labels("logits", logits, labels)
    z = logits - logits.real.max(axis=1, keepdims=True)
    e = np.exp(z)
    total = e.sum(axis=1, keepdims=True)
    return _reduced(
        reduction,
        np.log(total[:, 0]) - _picked(labels, z),
        lambda: _less(labels, e / total),
    )


def negative_log_likelihood(log_probabilities: Array, labels: Array, reduction: str = "mean") -> LossValue:
    """Minus the log-probability of the label.

        loss = -Σₖ tₖ xₖ,    dx = -t

    with t the label as probabilities, one-hot for a class. Follows `layers.log_softmax()`; the two together are
    `softmax_cross_entropy`.

    Args:
        log_probabilities: (N, K), none above 0.
        labels: classes (N,), integers from 0 to K - 1; or rows of probabilities (N, K) in the same dtype.
        reduction: "mean" or "sum" over the batch.

    Raises:
        DataError: as for `softmax_cross_entropy`, and for a log-probability above 0.
        ShapeError: as for `softmax_cross_entropy`.
        DtypeError: as for `softmax_cross_entropy`.

    >>> negative_log_likelihood(np.log([[0.25, 0.75]]), np.array([0]))[0]
    1.3862943611198906
    """
    _check_prediction("log_probabilities", log_probabilities)
    _check_labels("log_probabilities", log_probabilities, labels)
    if (top := log_probabilities.real.max()) > 1e-3:
        fix = "end the net with log_softmax(), or use softmax_cross_entropy on scores"
        raise DataError(expected("log_probabilities", "logarithms of probabilities, none above 0", top, fix))
    return _reduced(
        reduction,
        -_picked(labels, log_probabilities),
        lambda: _less(labels, np.zeros_like(log_probabilities)),
    )


def binary_cross_entropy(logits: Array, target: Array, reduction: str = "mean") -> LossValue:
    """Cross-entropy between yes-or-no targets and the sigmoid of scores; leave `sigmoid()` out of the net.

        loss = Σ log(1 + eˣ) - t x,    dx = 1 / (1 + e⁻ˣ) - t

    The sum runs over the outputs of an example: the negative log-likelihood of independent answers. (PyTorch's
    `binary_cross_entropy_with_logits` takes the mean over outputs too.)

    Args:
        logits: scores (N, …), before any sigmoid.
        target: of the same shape: 0 or 1 as integers or booleans, or probabilities in the dtype of logits.
        reduction: "mean" or "sum" over the batch.

    Raises:
        DataError: a target lies outside [0, 1].
        ShapeError: logits and target differ in shape.
        DtypeError: logits or target have the wrong dtype.

    >>> binary_cross_entropy(np.array([0.0, 1e4, -1e4]), np.array([1, 1, 0]), "sum")[0]
    0.6931471805599453
    """
    _check_prediction("logits", logits)
    if isinstance(target, np.ndarray) and target.dtype.kind in "biu":
        target = target.astype(logits.real.dtype)
    _check_target("logits", logits, target)
    if not ((target.real >= 0) & (target.real <= 1)).all():
        raise DataError(expected("target", "numbers in [0, 1]", f"{target.real.min()} to {target.real.max()}"))
    top = np.where(logits.real > 0, logits, 0)
    tail = np.exp(logits - top - top)  # e^-|x|
    return _reduced(
        reduction,
        _outputs(top - target * logits + np.log1p(tail)),
        lambda: np.where(logits.real > 0, 1, tail) / (1 + tail) - target,
    )


def squared_error(prediction: Array, target: Array, reduction: str = "mean") -> LossValue:
    """Half the squared distance.

        loss = ½ Σ (x - t)²,    dx = x - t

    Args:
        prediction: (N, …).
        target: of the same shape and dtype.
        reduction: "mean" or "sum" over the batch.

    Raises:
        ShapeError: prediction and target differ in shape; nothing is broadcast.
        DtypeError: they differ in dtype, or are not floating.

    >>> squared_error(np.array([[3.0, 4.0], [0.0, 0.0]]), np.zeros((2, 2)))[0]
    6.25
    """
    error = _error(prediction, target)
    return _reduced(reduction, _outputs(error, error) / 2, lambda: error)


def mean_squared_error(prediction: Array, target: Array, reduction: str = "mean") -> LossValue:
    """The mean of the squared errors over everything: outputs and batch.

        loss = (1/D) Σ (x - t)²,    dx = (2/D) (x - t),    D outputs an example

    With `reduction="sum"` it is the sum over the batch of each example's mean over outputs.

    Args:
        prediction: (N, …).
        target: of the same shape and dtype.
        reduction: "mean" or "sum" over the batch.

    Raises:
        ShapeError: prediction and target differ in shape; nothing is broadcast.
        DtypeError: they differ in dtype, or are not floating.

    >>> mean_squared_error(np.array([[3.0, 4.0], [0.0, 0.0]]), np.zeros((2, 2)))[0]
    6.25
    """
    error = _error(prediction, target)
    outputs = error[0].size
    return _reduced(reduction, _outputs(error, error) / outputs, lambda: error, outputs / 2)


def norm_loss(prediction: Array, target: Array, reduction: str = "mean") -> LossValue:
    """The Euclidean length of the error.

        loss = ‖x - t‖,    dx = (x - t) / ‖x - t‖,  and 0 where x = t

    Args:
        prediction: (N, …).
        target: of the same shape and dtype.
        reduction: "mean" or "sum" over the batch.

    Raises:
        ShapeError: prediction and target differ in shape; nothing is broadcast.
        DtypeError: they differ in dtype, or are not floating.

    >>> value, vjp = norm_loss(np.array([[3.0, 4.0], [0.0, 0.0]]), np.zeros((2, 2)), "sum")
    >>> value, vjp(1.0)
    (5.0, array([[0.6, 0.8],
           [0. , 0. ]]))
    """
    error = _error(prediction, target)
    length = np.sqrt(_outputs(error, error))

    def derivative() -> Array:
        divisor = np.where(length == 0, 1, length).astype(error.dtype)
        return error / divisor.reshape(-1, *[1] * (error.ndim - 1))

    return _reduced(reduction, length, derivative)


def huber(prediction: Array, target: Array, reduction: str = "mean", delta: float = 1.0) -> LossValue:
    """Half the squared error up to δ, then linear: outliers pull no harder than δ.

        loss = Σ c (e - c/2),  e = x - t,  c = e clipped to [-δ, δ];    dx = c

    Args:
        prediction: (N, …).
        target: of the same shape and dtype.
        reduction: "mean" or "sum" over the batch.
        delta: where the parabola ends, above 0. `functools.partial(huber, delta=0.5)` is a loss too.

    Raises:
        ShapeError: prediction and target differ in shape; nothing is broadcast.
        DtypeError: they differ in dtype, or are not floating.

    Source: Huber 1964, "Robust estimation of a location parameter". PyTorch's `huber_loss` takes the mean over outputs.

    >>> huber(np.array([[0.5, 10.0]]), np.zeros((1, 2)))[0]
    9.625
    """
    delta = real("delta", delta, 0, open="(")
    error = _error(prediction, target)
    clipped = np.where(error.real > delta, delta, np.where(error.real < -delta, -delta, error))
    return _reduced(reduction, _outputs(clipped, error - clipped / 2), lambda: clipped)


def _reduced(reduction: str, losses: Array, derivative: Callable[[], Array], over: float = 1) -> LossValue:
    """Mean or sum of the examples' losses (N,), and the pullback; their derivatives are `derivative() / over`."""
    if not isinstance(reduction, str) or reduction not in ("mean", "sum"):
        raise ConfigError(expected("reduction", one_of(["mean", "sum"]), shown(reduction)))
    share = 1 / len(losses) if reduction == "mean" else 1.0
    total = losses.sum(dtype=_wide(losses))
    value: float = total.item() if losses.dtype.kind == "c" else float(total)

    def vjp(dvalue: float) -> Array:
        return real("dvalue", dvalue) * share / over * derivative()

    return value / len(losses) if reduction == "mean" else value, vjp


def _outputs(*factors: Array) -> Array:
    """The sum of the factors' product over the outputs of each example, (N,), in at least float64."""
    product = factors[0] if len(factors) == 1 else np.multiply(*factors, dtype=_wide(factors[0]))
    return product.sum(axis=tuple(range(1, product.ndim)), dtype=_wide(product))


def _wide(array: Array) -> np.dtype:
    return np.result_type(array.dtype, np.float64)


def _picked(labels: Array, x: Array) -> Array:
    """Σₖ tₖ xₖ of each example, (N,), with 0 · ∞ = 0."""
    if labels.ndim == 1:
        return x[np.arange(len(labels)), labels]
    return (labels * np.where(labels == 0, 0, x)).sum(axis=1)


def _less(labels: Array, p: Array) -> Array:
    """Subtract t from p, an array made for this, in place."""
    if labels.ndim == 1:
        p[np.arange(len(labels)), labels] -= 1
    else:
        p -= labels
    return p


def _error(prediction: Array, target: Array) -> Array:
    _check_prediction("prediction", prediction)
    _check_target("prediction", prediction, target)
    return prediction - target


def _check_prediction(name: str, prediction: Array) -> None:
    plain_array(name, prediction)
    if prediction.dtype.kind not in "fc" or prediction.real.itemsize < 4:
        raise DtypeError(expected(name, "float32 or float64", prediction.dtype, "cast with x.astype(np.float32)"))
    if prediction.ndim == 0 or prediction.size == 0:
        raise ShapeError(expected(name, "a batch (N, …) of N ≥ 1 examples", f"shape {prediction.shape}"))


def _check_target(name: str, prediction: Array, target: Array, what: str = "target") -> None:
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


def _check_labels(name: str, scores: Array, labels: Array) -> None:
    """Raise unless labels are classes (N,) or probabilities (N, K) for scores (N, K)."""
    if scores.ndim != 2:
        raise ShapeError(expected(name, "(N, K): one score for each class", f"shape {scores.shape}"))
    labels = check_labels(name, scores, labels, answers="losses.binary_cross_entropy", numbers="losses.squared_error")
    if labels.ndim == 2:
        _check_target(name, scores, labels, "labels")
