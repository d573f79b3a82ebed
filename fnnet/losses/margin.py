"""Losses of margins: the right score is to lead by a margin, and more than that does not matter."""

import numpy as np

from fnnet.arguments import real
from fnnet.errors import DtypeError, expected
from fnnet.losses._check import answers_of, as_rows, picked, read_labels
from fnnet.losses._reduce import LossValue, outputs, reduced, wide
from fnnet.losses.softmax import Shares
from fnnet.types import Array


def hinge(
    scores: Array,
    target: Array,
    reduction: str = "mean",
    *,
    margin: float = 1.0,
    weight: Array | None = None,
    ignore: int | None = None,
) -> LossValue:
    """The hinge of yes-or-no answers: that of a support vector machine.

        loss = Σ max(0, m - s x),  s = 1 for yes, -1 for no;    dx = -s where m > s x, else 0

    Args:
        scores: (N, …).
        target: of the same shape: 0 or 1, as integers, booleans or in the dtype of scores.
        reduction: "mean" or "sum" over the batch.
        margin: m > 0.
        weight: of each example, (N,); None weighs all alike. The mean is Σ w l / Σ w.
        ignore: a target, such as -1, that does not count; an example without any other weighs nothing.

    The errors are those of `binary_cross_entropy`.

    >>> value, vjp = hinge(np.array([2.0, 0.5, -0.5]), np.array([1, 1, 0]), "sum")
    >>> value, vjp(1.0)
    (1.0, array([ 0., -1.,  1.]))
    """
    margin = real("margin", margin, 0, open="(")
    t, counts, weight = answers_of("scores", scores, target, weight, ignore, only_whole=True)
    sign = np.where(t.real > 0, 1, -1).astype(scores.real.dtype)
    short = margin - sign * scores
    active = short.real > 0 if counts is None else (short.real > 0) & counts

    def derivative() -> Array:
        return np.where(active, -sign, 0).astype(scores.dtype)

    return reduced(reduction, outputs(np.where(active, short, 0)), derivative, weight)


def multi_class_hinge(
    scores: Array,
    labels: Array,
    reduction: str = "mean",
    *,
    margin: float = 1.0,
    weight: Array | None = None,
    class_weights: Shares | None = None,
    ignore: int | None = None,
) -> LossValue:
    """The hinge of classes: the score of the label is to lead every other one.

        loss = Σⱼ max(0, m - x_y + xⱼ) over j ≠ y;    dxⱼ = 1 where m > x_y - xⱼ, else 0;    dx_y = -Σⱼ dxⱼ

    Args:
        scores: (N, K) or (N, K, …).
        labels: classes y, (N,) or (N, …), integers from 0 to K - 1.
        reduction: "mean" or "sum" over the labels.
        margin: m > 0.
        weight: of each example, (N,); None weighs all alike. The mean is Σ w l / Σ w.
        class_weights: K numbers ≥ 0.
        ignore: a label that does not count at all.

    The errors are those of `focal`.

    Source: Weston and Watkins 1999, "Support vector machines for multi-class pattern recognition". (PyTorch's
    `multi_margin_loss` divides it by K.)

    >>> value, vjp = multi_class_hinge(np.array([[2.0, 1.5, 0.0]]), np.array([0]))
    >>> value, vjp(1.0)
    (0.5, array([[-1.,  1.,  0.]]))
    """
    margin = real("margin", margin, 0, open="(")
    labels, weight = read_labels("scores", scores, labels, weight, class_weights, ignore)
    if labels.ndim == scores.ndim:
        fix = "use softmax_cross_entropy for probabilities"
        raise DtypeError(expected("labels", "integer classes", "rows of probabilities", fix))
    own = as_rows(labels, scores)
    short = margin - np.expand_dims(picked(labels, scores), 1) + scores
    active = np.where((own == 0) & (short.real > 0), 1, 0).astype(scores.real.dtype)
    lost = (short * active).sum(axis=1, dtype=wide(short))

    def derivative() -> Array:
        return (active - own * active.sum(axis=1, keepdims=True)).astype(scores.dtype)

    return reduced(reduction, lost, derivative, weight)
