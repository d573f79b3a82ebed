"""Connectionist temporal classification: labels in their order, without saying at which steps."""

from typing import Any

import numpy as np

from fnnet.arguments import one_of, plain_array, shown, whole
from fnnet.errors import ConfigError, DataError, DtypeError, ShapeError, expected
from fnnet.kernels.alignment import alignments
from fnnet.losses._check import check_prediction, weight_of
from fnnet.losses._reduce import LossValue, reduced, wide
from fnnet.types import Array

IMPOSSIBLE = ("error", "zero")


def ctc(
    logits: Array,
    target: Any,
    reduction: str = "mean",
    *,
    weight: Array | None = None,
    blank: int = 0,
    impossible: str = "error",
) -> LossValue:
    """Minus the log-probability of a sequence of labels, over all ways to lay them along the steps.

        loss = -log Σ_π Πₜ softmax(xₜ)[πₜ]
        dxₜ = softmax(xₜ) - Σ over places s of label k of P(at s in step t)

    where π goes over all sequences of classes that become the labels once repeats are joined and blanks are left out.
    Both sums are found by going forwards and backwards over the steps, in logarithms and float64. Steps behind an
    example's end have gradient 0.

    Two equal labels in a row need a blank between them, so labels need as many steps as there are labels and such
    pairs. Where an example has fewer there is no way to lay them, and the loss would be infinite: an error, or 0 with
    gradient 0 (PyTorch's `zero_infinity`), which a mean still counts.

    Args:
        logits: scores (N, T, K), before any softmax. (PyTorch takes log-probabilities (T, N, K).)
        target: labels (N, U), whole numbers from 0 to K - 1, blanks behind each one's end; or (labels, steps) with the
            number of steps (N,) of each example, from 1 to T; or (labels, steps, lengths) with the number of labels
            (N,) of each, from 0 to U, where it makes no difference what stands behind.
        reduction: "mean" or "sum" over examples. (PyTorch's mean divides each loss by its number of labels first.)
        weight: of each example, (N,); None weighs all alike.
        blank: the class that stands for no label.
        impossible: "error" or "zero", what comes of labels that do not fit into the steps.

    Raises:
        DataError: a label is out of range, or a blank before the end; labels that do not fit; lengths out of range.
        ShapeError: logits are not (N, T, K), or labels, steps or lengths do not fit them.
        DtypeError: labels, steps or lengths are no whole numbers.
        ConfigError: blank or impossible is out of its range.

    Source: Graves et al. 2006, "Connectionist temporal classification", equations 6 to 16.

    The label 1 in two steps: 1 1, 1 blank or blank 1, three of four ways:

    >>> value, vjp = ctc(np.zeros((1, 2, 2)), np.array([[1]]))
    >>> round(float(np.exp(-value)), 6), vjp(1.0).round(4).tolist()
    (0.75, [[[0.1667, -0.1667], [0.1667, -0.1667]]])
    """
    check_prediction("logits", logits)
    if logits.ndim != 3:
        raise ShapeError(expected("logits", "(N, T, K): one score for each class at every step", logits.shape))
    n, t, k = logits.shape
    if whole("blank", blank, 0) >= k:
        raise ConfigError(expected("blank", f"one of the {k} classes, 0 to {k - 1}", blank))
    check_impossible(impossible)
    weights = weight_of(weight, n)
    labels, steps, lengths = _read(target, n, t, k, blank)

    places = np.full((n, 2 * labels.shape[1] + 1), blank)
    places[:, 1::2] = labels
    skips = np.zeros(places.shape, bool)
    skips[:, 3::2] = labels[:, 1:] != labels[:, :-1]
    fits = _fit(labels, steps, lengths, impossible)

    z = logits.astype(wide(logits))
    z = z - z.real.max(axis=2, keepdims=True)
    with np.errstate(under="ignore"):
        e = np.exp(z)
    total = e.sum(axis=2, keepdims=True)
    emitted = np.take_along_axis(z - np.log(total), places[:, None], 2)
    log_p, posterior = alignments(emitted, skips, 2 * lengths, steps)

    def derivative() -> Array:
        counts = (np.arange(t) < steps[:, None]) & fits[:, None]
        own = np.arange(k) == places[:, :, None]  # (N, L, K), whose sum over places is a product
        with np.errstate(under="ignore"):
            return np.where(counts[:, :, None], e / total - posterior() @ own, 0).astype(logits.dtype)

    return reduced(reduction, np.where(fits, -log_p, 0), derivative, weights)


def check_impossible(impossible: object) -> str:
    """What comes of labels that do not fit."""
    if not isinstance(impossible, str) or impossible not in IMPOSSIBLE:
        raise ConfigError(expected("impossible", one_of(IMPOSSIBLE), shown(impossible)))
    return impossible


def _read(target: Any, n: int, t: int, k: int, blank: int) -> tuple[Array, Array, Array]:
    """Labels (N, U) with blanks behind each one's end, steps (N,) and lengths (N,)."""
    parts = target if isinstance(target, tuple) else (target,)
    if not 1 <= len(parts) <= 3:
        wanted = "labels, (labels, steps) or (labels, steps, lengths)"
        raise ShapeError(expected("target", wanted, f"a tuple of {len(parts)}"))
    labels = _whole_numbers("labels", parts[0], (n, None))
    steps = np.full(n, t) if len(parts) == 1 else _between("steps", _whole_numbers("steps", parts[1], (n,)), 1, t)
    u = labels.shape[1]
    if len(parts) == 3:
        lengths = _between("lengths", _whole_numbers("lengths", parts[2], (n,)), 0, u)
    else:
        lengths = u - np.logical_and.accumulate(labels[:, ::-1] == blank, axis=1).sum(axis=1)
    inside = np.arange(u) < lengths[:, None]
    labels = np.where(inside, labels, blank)
    wrong = inside & ((labels < 0) | (labels >= k) | (labels == blank))
    if wrong.any():
        at, place = (int(index[0]) for index in np.nonzero(wrong))
        wanted = f"0 to {k - 1}, without the blank {blank}"
        raise DataError(expected("labels", wanted, f"{labels[at, place]} in example {at}, place {place}"))
    return labels, steps, lengths


def _fit(labels: Array, steps: Array, lengths: Array, impossible: str) -> Array:
    """Which examples' labels fit into their steps (N,); an error where one does not and that is to be one."""
    repeats = (labels[:, 1:] == labels[:, :-1]) & (np.arange(1, labels.shape[1]) < lengths[:, None])
    needed = lengths + repeats.sum(axis=1)
    fits: Array = needed <= steps
    if impossible == "error" and not fits.all():
        at = int(fits.argmin())
        wanted = f"labels that fit into the {steps[at]} steps of example {at}"
        fix = 'leave it out, or say impossible="zero"'
        raise DataError(expected("target", wanted, f"{lengths[at]} that need {needed[at]}", fix))
    return fits


def _whole_numbers(what: str, array: Any, shape: tuple[int | None, ...]) -> Array:
    """An array of whole numbers of this shape, None for any size, in int64."""
    plain_array(what, array)
    if array.dtype.kind not in "iu":
        raise DtypeError(expected(what, "whole numbers", array.dtype, f"cast with {what}.astype(np.int64)"))
    if len(array.shape) != len(shape) or any(b not in (None, a) for a, b in zip(array.shape, shape, strict=True)):
        wanted = f"({', '.join('U' if size is None else str(size) for size in shape)}{',' * (len(shape) == 1)})"
        raise ShapeError(expected(what, wanted, array.shape))
    return np.asarray(array, np.int64)


def _between(what: str, array: Array, least: int, most: int) -> Array:
    wrong = (array < least) | (array > most)
    if wrong.any():
        at = int(wrong.argmax())
        raise DataError(expected(what, f"{least} to {most}", f"{array[at]} in example {at}"))
    return array
