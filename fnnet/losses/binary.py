"""Losses of answers: yes or no for every output, any number of them yes."""

from collections.abc import Sequence

import numpy as np

from fnnet.arguments import real
from fnnet.losses._check import answers_of, check_smoothing, of_outputs, where_counted
from fnnet.losses._reduce import LossValue, outputs, reduced
from fnnet.types import Array

PositiveWeight = float | Sequence[float] | Array


def binary_cross_entropy(
    logits: Array,
    target: Array,
    reduction: str = "mean",
    *,
    weight: Array | None = None,
    positive_weight: PositiveWeight | None = None,
    ignore: int | None = None,
    smoothing: float = 0.0,
) -> LossValue:
    """Cross-entropy between yes-or-no targets and the sigmoid of scores; leave `sigmoid()` out of the net.

        loss = Σ a t log(1 + e⁻ˣ) + (1 - t) log(1 + eˣ),    dx = σ(x) - t - (a - 1) t (1 - σ(x))

    with a = 1 unless there is a `positive_weight`. The sum runs over the outputs of an example: the negative
    log-likelihood of independent answers. (PyTorch's `binary_cross_entropy_with_logits` takes the mean over outputs
    too; `positive_weight` is its `pos_weight`.)

    Args:
        logits: scores (N, …), before any sigmoid.
        target: of the same shape: 0 or 1 as integers or booleans, or probabilities in the dtype of logits.
        reduction: "mean" or "sum" over the batch.
        weight: of each example, (N,); None weighs all alike. The mean is Σ w l / Σ w.
        positive_weight: a, a number ≥ 0 or one for each output along axis 1; it stays out of that Σ w.
        ignore: a target, such as -1, that does not count; an example without any other weighs nothing.
        smoothing: ε in [0, 1); t becomes (1 - ε) t + ε / 2.

    Raises:
        DataError: a target lies outside [0, 1], or nothing counts in a mean.
        ShapeError: logits and target differ in shape.
        DtypeError: logits or target have the wrong dtype.
        ConfigError: an option is out of its range.

    >>> binary_cross_entropy(np.array([0.0, 1e4, -1e4]), np.array([1, 1, 0]), "sum")[0]
    0.6931471805599453
    >>> binary_cross_entropy(np.array([[0.0, 0.0]]), np.array([[1, -1]]), ignore=-1)[0]
    0.6931471805599453
    """
    t, counts, weight = answers_of("logits", logits, target, weight, ignore)
    if smoothing := check_smoothing(smoothing):
        t = (1 - smoothing) * t + smoothing / 2
    top = np.where(logits.real > 0, logits, 0)
    with np.errstate(under="ignore"):
        tail = np.exp(logits - top - top)  # e^-|x|
        rest = np.log1p(tail)
        losses = top - t * logits + rest
        more = None if positive_weight is None else (of_outputs(positive_weight, logits) - 1) * t
        if more is not None:
            losses = losses + more * (top - logits + rest)

    def derivative() -> Array:
        d = np.where(logits.real > 0, 1, tail) / (1 + tail) - t
        if more is not None:
            d -= more * np.where(logits.real > 0, tail, 1) / (1 + tail)
        return where_counted(counts, d)

    return reduced(reduction, outputs(where_counted(counts, losses)), derivative, weight)


def binary_focal(
    logits: Array,
    target: Array,
    reduction: str = "mean",
    *,
    gamma: float = 2.0,
    weight: Array | None = None,
    positive_weight: PositiveWeight | None = None,
    ignore: int | None = None,
) -> LossValue:
    """Binary cross-entropy that cares less the surer an answer is.

        loss = Σ a qᵞ l,  q = σ(-z),  l = log(1 + e⁻ᶻ),  z = ±x,  + for yes;    dx = ∓ a qᵞ (γ (1 - q) l + q)

    with a = `positive_weight` for yes and 1 for no. γ = 0 is `binary_cross_entropy`.

    Args:
        logits: scores (N, …), before any sigmoid.
        target: of the same shape: 0 or 1, as integers, booleans or in the dtype of logits.
        reduction: "mean" or "sum" over the batch.
        gamma: γ ≥ 0.
        weight: of each example, (N,); None weighs all alike. The mean is Σ w l / Σ w.
        positive_weight: a, a number ≥ 0 or one for each output along axis 1. (The paper's α is a / (1 + a).)
        ignore: a target, such as -1, that does not count; an example without any other weighs nothing.

    Raises:
        DataError: as for `binary_cross_entropy`, and where a target lies between 0 and 1.

    The other errors are those of `binary_cross_entropy`.

    Source: Lin et al. 2017, "Focal loss for dense object detection", equation 5.

    >>> [round(binary_focal(np.array([x]), np.array([1]))[0], 6) for x in (4.0, 0.0)]
    [6e-06, 0.173287]
    """
    gamma = real("gamma", gamma, 0)
    t, counts, weight = answers_of("logits", logits, target, weight, ignore, only_whole=True)
    yes = t.real > 0
    z = np.where(yes, logits, -logits)
    top = np.where(z.real < 0, -z, 0)
    with np.errstate(under="ignore"):
        tail = np.exp(-z - top - top)  # e^-|z|
        l = top + np.log1p(tail)
        q = np.where(z.real > 0, tail, 1) / (1 + tail)
        factor = q**gamma
        losses = factor * l
    of_yes = None if positive_weight is None else np.where(yes, of_outputs(positive_weight, logits), 1)
    if of_yes is not None:
        of_yes = of_yes.astype(logits.real.dtype)
        losses = of_yes * losses

    def derivative() -> Array:
        d = factor * (gamma * np.where(z.real > 0, 1, tail) / (1 + tail) * l + q)
        d = np.where(yes, -d, d)
        return where_counted(counts, d if of_yes is None else of_yes * d)

    return reduced(reduction, outputs(where_counted(counts, losses)), derivative, weight)
