"""`negative_elbo`: the loss of variational autoencoders."""

import attrs
import numpy as np

from fnnet.arguments import real, shown
from fnnet.errors import ShapeError, expected
from fnnet.losses._check import check_prediction, weight_of
from fnnet.losses._reduce import LossValue, Reduced, outputs, reduced, wide
from fnnet.losses.binary import binary_cross_entropy
from fnnet.types import Array

Described = tuple[Array, Array, Array]


def negative_elbo(
    predictions: Described, target: Array, reduction: str = "mean", *, weight: Array | None = None, beta: float = 1.0
) -> LossValue:
    """Cross-entropy of what is said of an example, and how far the code's distribution is from the standard normal one.

        loss = Σ log(1 + eˣ) - t x  +  β · ½ Σ m² + eᵛ - 1 - v
        dx = σ(x) - t,    dm = β m,    dv = β ½ (eᵛ - 1)

    Args:
        predictions: (x, m, v): logits (N, …), mean and log-variance of the code, both (N, K).
        target: like x: 0 or 1, or probabilities, such as brightness.
        reduction: "mean" or "sum" over the batch.
        weight: of each example, (N,); None weighs all alike. The mean is Σ w l / Σ w.
        beta: of the second part, the divergence in nats; 1 for the bound itself.

    Raises:
        ShapeError: predictions are no such three arrays, or target is not like x.
        DtypeError, DataError: as `binary_cross_entropy`.

    Source: Kingma and Welling 2014, "Auto-encoding variational Bayes", equation 10; β: Higgins et al. 2017, "β-VAE".

    >>> x, m, v = np.zeros((1, 4)), np.ones((1, 2)), np.zeros((1, 2))
    >>> round(negative_elbo((x, m, v), np.array([[0, 1, 1, 0]]))[0], 4)   # 4 log 2 + 1
    3.7726
    """
    logits, code = _parts(predictions)
    beta, width = real("beta", beta, 0), predictions[1].shape[1]
    reconstruction, pull = binary_cross_entropy(logits, target, reduction, weight=weight)
    mean, log_variance = (code[:, part].astype(wide(code)) for part in (slice(width), slice(width, None)))
    with np.errstate(under="ignore", over="ignore"):
        variance = np.exp(log_variance)
        losses = beta * outputs((mean * mean + variance - 1 - log_variance) / 2)

    def derivative() -> Array:
        return (beta * np.concatenate([mean, (variance - 1) / 2], axis=1)).astype(code.dtype)

    divergence, code_pull = reduced(reduction, losses, derivative, weight_of(weight, len(code)))
    return reconstruction + divergence, _Elbo(pull, code_pull, width)  # type: ignore[return-value, arg-type]


@attrs.frozen(eq=False)
class _Elbo:
    """The pullback: a cotangent for logits, mean and log-variance."""

    logits: Reduced
    code: Reduced
    width: int

    @property
    def total(self) -> float:
        """What a mean divides by."""
        return self.logits.total

    def __call__(self, dvalue: float) -> tuple[Array, Array, Array]:
        """See `LossPullback`."""
        dcode = self.code(dvalue)
        return self.logits(dvalue), dcode[:, : self.width], dcode[:, self.width :]


def _parts(predictions: object) -> tuple[Array, Array]:
    """The logits, and mean and log-variance in one array."""
    if type(predictions) is not tuple or len(predictions) != 3:
        got = f"a tuple of {len(predictions)}" if isinstance(predictions, tuple) else shown(predictions)
        raise ShapeError(expected("predictions", "(logits, mean, log_variance)", got))
    for i, part in enumerate(predictions):
        check_prediction(f"predictions[{i}]", part)
    logits, mean, log_variance = predictions
    for i, part in enumerate((mean, log_variance), start=1):
        if part.ndim != 2 or part.shape != mean.shape or len(part) != len(logits) or part.dtype != logits.dtype:
            wanted = f"{logits.dtype} ({len(logits)}, K), mean and log-variance alike"
            raise ShapeError(expected(f"predictions[{i}]", wanted, f"{part.dtype} {part.shape}"))
    return logits, np.concatenate([mean, log_variance], axis=1)
