"""Metrics of numbers: how far predictions lie from their targets, in units people know."""

import numpy as np

from fnnet.errors import DataError, expected
from fnnet.metrics._read import as_numbers, mean_of, positive
from fnnet.over_batches import over_batches
from fnnet.types import Array


def mean_absolute_error(predictions: Array, target: Array, weight: Array | None = None) -> float:
    """The mean distance between prediction and target, over outputs and examples.

        1/(N D) Σ |x - t|

    Args:
        predictions: (N, …).
        target: numbers of the same shape.
        weight: of each example, (N,).

    Raises:
        ShapeError: predictions and target differ in shape; nothing is broadcast.
        DtypeError: predictions are not floating, or the target holds no numbers.
        NonFiniteError: a prediction is NaN, or a target is not finite.

    >>> mean_absolute_error(np.array([[1.0], [2.0]]), np.array([[0], [5]]))
    2.0
    """
    x, t, weights = as_numbers(predictions, target, weight)
    return mean_of(np.abs(x - t).mean(axis=1), weights)


def mean_absolute_percentage_error(predictions: Array, target: Array, weight: Array | None = None) -> float:
    """The mean distance between prediction and target, as a fraction (1.0 is 100 %) of the target.

        1/(N D) Σ |x - t| / |t|

    Args:
        predictions: (N, …).
        target: numbers of the same shape, none of them 0.
        weight: of each example, (N,).

    Raises:
        DataError: a target is 0. (scikit-learn divides by 2e-16 then.)

    The other errors are those of `mean_absolute_error`.

    >>> mean_absolute_percentage_error(np.array([1.0, 3.0]), np.array([2, 4]))
    0.375
    """
    x, t, weights = as_numbers(predictions, target, weight)
    if (zero := (t == 0).any(axis=1)).any():
        fix = "use mean_absolute_error"
        raise DataError(expected("target", "numbers other than 0", f"0 at example {int(zero.argmax())}", fix))
    return mean_of((np.abs(x - t) / np.abs(t)).mean(axis=1), weights)


@over_batches("all")
def r2(predictions: Array, target: Array, weight: Array | None = None) -> float:
    """The fraction of the targets' variance that predictions explain; 1 is perfect, below 0 worse than their mean.

        R² = 1 - Σ (x - t)² / Σ (t - mean t)²

    the mean over the outputs of an example, each taken for itself.

    Args:
        predictions: (N, …).
        target: numbers of the same shape.
        weight: of each example, (N,).

    Raises:
        DataError: the targets of an output are all the same, nothing to explain. (scikit-learn gives 0 or 1.)

    The other errors are those of `mean_absolute_error`.

    >>> r2(np.array([2.5, 0.0, 2.0, 8.0]), np.array([3.0, -0.5, 2.0, 7.0]))
    0.9486081370449679
    """
    x, t, weights = as_numbers(predictions, target, weight)
    w = np.ones((len(x), 1)) if weights is None else weights[:, None]
    mean = (w * t).sum(axis=0) / positive(w)
    left, all = (w * (x - t) ** 2).sum(axis=0), (w * (t - mean) ** 2).sum(axis=0)
    if (constant := (np.where(w > 0, t, t[w[:, 0].argmax()]) == t[w[:, 0].argmax()]).all(axis=0)).any():
        where = f" at output {int(constant.argmax())}" if len(constant) > 1 else ""
        raise DataError(expected("target, for r2", "numbers that differ", f"all the same{where}"))
    return float((1 - left / all).mean())
