"""`poisson`: the loss of counts."""

import numpy as np

from fnnet.errors import DataError, expected
from fnnet.losses._check import check_prediction, check_target, weight_of
from fnnet.losses._reduce import LossValue, outputs, reduced, wide
from fnnet.types import Array


def poisson(log_rates: Array, counts: Array, reduction: str = "mean", *, weight: Array | None = None) -> LossValue:
    """Minus the log-likelihood of counts whose rates are eˣ, up to log t!, which no prediction changes.

        loss = Σ eˣ - t x,    dx = eˣ - t

    (PyTorch's `poisson_nll_loss` takes the mean over outputs too.)

    Args:
        log_rates: (N, …).
        counts: t ≥ 0, of the same shape: integers, or numbers in the dtype of log_rates.
        reduction: "mean" or "sum" over the batch.
        weight: of each example, (N,); None weighs all alike. The mean is Σ w l / Σ w.

    Raises:
        DataError: a count is negative, or not finite.
        ShapeError: log_rates and counts differ in shape; nothing is broadcast.
        DtypeError: they have the wrong dtype.

    >>> poisson(np.log([[2.0, 1.0]]), np.array([[0, 5]]))[0]
    3.0
    """
    check_prediction("log_rates", log_rates)
    if isinstance(counts, np.ndarray) and counts.dtype.kind in "iu" and counts.shape == log_rates.shape:
        counts = counts.astype(log_rates.real.dtype)
    check_target("log_rates", log_rates, counts, "counts")
    if not ((counts.real >= 0) & np.isfinite(counts)).all():
        got = f"{counts.real.min()} to {counts.real.max()}"
        raise DataError(expected("counts", "finite numbers ≥ 0", got))
    with np.errstate(under="ignore", over="ignore"):
        losses = np.exp(log_rates, dtype=wide(log_rates)) - counts * log_rates

    def derivative() -> Array:
        with np.errstate(under="ignore", over="ignore"):
            return np.exp(log_rates) - counts

    return reduced(reduction, outputs(losses), derivative, weight_of(weight, len(log_rates)))
