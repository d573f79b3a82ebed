"""Losses of a classifier: one right class of K, by the softmax of scores."""

from collections.abc import Sequence

import numpy as np

from fnnet.arguments import real
from fnnet.errors import DataError, DtypeError, expected
from fnnet.losses._check import less, picked, read_labels
from fnnet.losses._reduce import LossValue, reduced
from fnnet.types import Array

Shares = Sequence[float] | Array  # of the classes, each ≥ 0


def softmax_cross_entropy(
    logits: Array,
    labels: Array,
    reduction: str = "mean",
    *,
    weight: Array | None = None,
    class_weights: Shares | None = None,
    ignore: int | None = None,
    smoothing: float = 0.0,
) -> LossValue:
    """Cross-entropy between labels and the softmax of scores.

        loss = log Σₖ eˣₖ - Σₖ tₖ xₖ,    dx = softmax(x) - t

    with t the label as probabilities, one-hot for a class. The maximum is subtracted first, so nothing overflows.
    Scores (N, K, …) have a label at every place (N, …), as the pixels of a picture do; the mean is over all of them.

    Weights multiply: an example's own, and its class's. The mean is Σ w l / Σ w over all labels, as PyTorch's is,
    except that with smoothing too the weight is of the label (there, of every class that it is spread over).

    Args:
        logits: scores (N, K) or (N, K, …), before any softmax.
        labels: classes (N,) or (N, …), integers from 0 to K - 1; or rows of probabilities like logits.
        reduction: "mean" or "sum" over the labels.
        weight: of each example, (N,); None weighs all alike.
        class_weights: K numbers ≥ 0; w = Σₖ cₖ tₖ.
        ignore: a label, such as -1 or 255, that does not count at all.
        smoothing: ε in [0, 1); t becomes (1 - ε) t + ε / K.

    Raises:
        DataError: a class is out of range, a row is not a row of probabilities, or nothing counts in a mean.
        ShapeError: logits are not (N, K, …), or labels do not fit them.
        DtypeError: classes are not integers, or probabilities are not of the logits' dtype.
        ConfigError: an option is out of its range.

    Source: smoothing, Szegedy et al. 2016, "Rethinking the inception architecture", section 7.

    >>> value, vjp = softmax_cross_entropy(np.array([[0.0, 0.0], [1e4, -1e4]]), np.array([0, 1]))
    >>> value
    10000.34657359028
    >>> vjp(1.0)
    array([[-0.25,  0.25],
           [ 0.5 , -0.5 ]])
    >>> scores = np.log([[1.0, 3.0], [1.0, 1.0]])
    >>> round(softmax_cross_entropy(scores, np.array([1, 0]), class_weights=(3, 1))[0], 4)   # (log 4/3 + 3 log 2) / 4
    0.5918
    >>> round(softmax_cross_entropy(scores, np.array([-1, 0]), ignore=-1)[0], 4)             # log 2
    0.6931
    """
    labels, weight = read_labels("logits", logits, labels, weight, class_weights, ignore, smoothing)
    z, e, total = _softmax(logits)
    return reduced(
        reduction,
        np.log(total[:, 0]) - picked(labels, z),
        lambda: less(labels, e / total),
        weight,
    )


def negative_log_likelihood(
    log_probabilities: Array,
    labels: Array,
    reduction: str = "mean",
    *,
    weight: Array | None = None,
    class_weights: Shares | None = None,
    ignore: int | None = None,
    smoothing: float = 0.0,
) -> LossValue:
    """Minus the log-probability of the label.

        loss = -Σₖ tₖ xₖ,    dx = -t

    with t the label as probabilities, one-hot for a class. Follows `layers.log_softmax()`; the two together are
    `softmax_cross_entropy`, whose options these are.

    Args:
        log_probabilities: (N, K) or (N, K, …), none above 0.
        labels: classes (N,) or (N, …), integers from 0 to K - 1; or rows of probabilities like log_probabilities.
        reduction: "mean" or "sum" over the labels.
        weight: of each example, (N,); None weighs all alike.
        class_weights: K numbers ≥ 0; w = Σₖ cₖ tₖ.
        ignore: a label that does not count at all.
        smoothing: ε in [0, 1); t becomes (1 - ε) t + ε / K.

    Raises:
        DataError: as for `softmax_cross_entropy`, and for a log-probability above 0.
        ShapeError: as for `softmax_cross_entropy`.
        DtypeError: as for `softmax_cross_entropy`.
        ConfigError: as for `softmax_cross_entropy`.

    >>> negative_log_likelihood(np.log([[0.25, 0.75]]), np.array([0]))[0]
    1.3862943611198906
    """
    name = "log_probabilities"
    labels, weight = read_labels(name, log_probabilities, labels, weight, class_weights, ignore, smoothing)
    if (top := log_probabilities.real.max()) > 1e-3:
        fix = "end the net with log_softmax(), or use softmax_cross_entropy on scores"
        raise DataError(expected(name, "logarithms of probabilities, none above 0", top, fix))
    return reduced(
        reduction,
        -picked(labels, log_probabilities),
        lambda: less(labels, np.zeros_like(log_probabilities)),
        weight,
    )


def kullback_leibler(
    logits: Array, labels: Array, reduction: str = "mean", *, weight: Array | None = None
) -> LossValue:
    """How much the softmax of scores differs from the probabilities it should be: their Kullback–Leibler divergence.

        loss = Σₖ tₖ (log tₖ - log softmax(x)ₖ),    dx = softmax(x) - t

    with 0 log 0 = 0. It is `softmax_cross_entropy` less the entropy of t: the same gradient, but 0 is the best value.
    (PyTorch's `kl_div` takes log-probabilities, and its mean is over outputs too.)

    Args:
        logits: scores (N, K) or (N, K, …), before any softmax.
        labels: rows of probabilities like logits, say another net's; or classes.
        reduction: "mean" or "sum" over the labels.
        weight: of each example, (N,); None weighs all alike.

    The errors are those of `softmax_cross_entropy`.

    >>> round(kullback_leibler(np.log([[1.0, 3.0]]), np.array([[0.5, 0.5]]))[0], 4)   # ½ log 4/3
    0.1438
    """
    labels, weight = read_labels("logits", logits, labels, weight)
    z, e, total = _softmax(logits)
    log_p = z - np.log(total)
    if labels.ndim == logits.ndim:
        losses = picked(labels, np.log(np.where(labels == 0, 1, labels)) - log_p)
    else:
        losses = -picked(labels, log_p)
    return reduced(reduction, losses, lambda: less(labels, e / total), weight)


def focal(
    logits: Array,
    labels: Array,
    reduction: str = "mean",
    *,
    gamma: float = 2.0,
    weight: Array | None = None,
    class_weights: Shares | None = None,
    ignore: int | None = None,
) -> LossValue:
    """Cross-entropy that cares less the surer an example is: many easy ones do not drown the few hard ones.

        loss = (1 - p)ᵞ l,  p = softmax(x) at the label,  l = -log p
        dx = (1 - p)ᵞ (1 + γ p l / (1 - p)) (softmax(x) - t)

    with l / (1 - p) = 1 at p = 1. γ = 0 is `softmax_cross_entropy`.

    Args:
        logits: scores (N, K) or (N, K, …), before any softmax.
        labels: classes (N,) or (N, …), integers from 0 to K - 1.
        reduction: "mean" or "sum" over the labels.
        gamma: γ ≥ 0.
        weight: of each example, (N,); None weighs all alike.
        class_weights: K numbers ≥ 0; the paper's α.
        ignore: a label that does not count at all.

    Raises:
        DtypeError: as for `softmax_cross_entropy`, and where labels are rows of probabilities.

    The other errors are those of `softmax_cross_entropy`.

    Source: Lin et al. 2017, "Focal loss for dense object detection", equation 5, here for one class of K;
    `binary_focal` is theirs.

    >>> sure, unsure = np.array([[4.0, 0.0]]), np.array([[0.0, 0.0]])
    >>> [round(focal(x, np.array([0]))[0], 6) for x in (sure, unsure)]
    [6e-06, 0.173287]
    """
    gamma = real("gamma", gamma, 0)
    labels, weight = read_labels("logits", logits, labels, weight, class_weights, ignore)
    if labels.ndim == logits.ndim:
        fix = "use softmax_cross_entropy for probabilities"
        raise DtypeError(expected("labels", "integer classes", "rows of probabilities", fix))
    z, e, total = _softmax(logits)
    l = np.log(total[:, 0]) - picked(labels, z)
    with np.errstate(under="ignore"):
        rest = -np.expm1(-l)  # 1 - p
        factor = rest**gamma

    def derivative() -> Array:
        p = np.exp(-l)
        ratio = np.where(rest == 0, 1, np.where(p == 0, 0, l)) / np.where(rest == 0, 1, rest)
        slope = factor * (1 + gamma * p * ratio)
        return np.expand_dims(slope, 1) * less(labels, e / total)

    return reduced(reduction, factor * l, derivative, weight)


def _softmax(logits: Array) -> tuple[Array, Array, Array]:
    """z = x - max x, eᶻ and its sum over classes; softmax(x) = eᶻ / Σ eᶻ."""
    z = logits - logits.real.max(axis=1, keepdims=True)
    with np.errstate(under="ignore"):
        e = np.exp(z)
    return z, e, e.sum(axis=1, keepdims=True)
