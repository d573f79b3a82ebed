"""Labels of a classifier, checked: classes or rows of probabilities, and everything else told in its own words."""

import numpy as np

from fnnet.arguments import plain_array
from fnnet.errors import DataError, DtypeError, FnnetError, ShapeError, expected
from fnnet.types import Array

_UNSIGNED = {kind().itemsize: kind for kind in (np.uint8, np.uint16, np.uint32, np.uint64)}


def check_labels(
    name: str, scores: Array, labels: object, *, answers: str, numbers: str, ignore: int | None = None
) -> Array:
    """Return the labels of scores (N, K, …): classes (N, …), integers from 0 to K - 1, or probabilities (N, K, …).

    Args:
        name: what the scores are called in messages.
        scores: one for each class, along axis 1.
        labels: what may be either.
        answers: what takes rows in which any number of answers may be right, for the message.
        numbers: what takes numbers to be met.
        ignore: a label that is allowed besides, whatever it is.

    Raises:
        DataError: a class is out of range, or a row is not a row of probabilities.
        ShapeError: labels do not fit scores.
        DtypeError: labels are text, or classes are not integers.
    """
    labels = plain_array("labels", labels)
    if labels.dtype.kind not in "biuf":
        raise _no_numbers(labels)
    n, k, *places = scores.shape
    if labels.shape == (n, *places):
        _check_classes(labels, k, numbers, ignore)
    elif labels.shape != scores.shape:
        wanted = f"classes {(n, *places)} or probabilities {scores.shape}"
        fix = "pass labels[:, 0]" if labels.shape == (n, 1, *places) else ""
        raise ShapeError(expected("labels", wanted, labels.shape, fix))
    elif labels.dtype.kind == "f":
        _check_probabilities(labels, answers, numbers)
    else:
        raise _whole_rows(labels, scores, answers, numbers)
    return labels


def _no_numbers(labels: Array) -> FnnetError:
    text = labels.dtype.kind in "USTO"
    got = f"text ({labels.dtype})" if text and labels.dtype.kind != "O" else f"{labels.dtype}"
    fix = "number them: names, labels = np.unique(labels, return_inverse=True)" if text else ""
    return DtypeError(expected("labels", "integer classes", got, fix))


def _whole_rows(labels: Array, scores: Array, answers: str, numbers: str) -> FnnetError:
    """Rows (N, K) of whole numbers: one-hot, several answers, or numbers to be met; (N, 1) for one class."""
    if scores.shape[1] == 1:
        return ShapeError(expected("labels", f"classes {scores[:, 0].shape}", labels.shape, "pass labels[:, 0]"))
    if not ((labels == 0) | (labels == 1)).all():
        got = f"rows of whole numbers from {labels.min()} to {labels.max()}"
        return DataError(expected("labels", "classes or rows of probabilities", got, f"for numbers use {numbers}"))
    if (labels.sum(axis=1, dtype=np.int64) == 1).all():
        dtype = scores.real.dtype
        fix = f"cast rows of probabilities with labels.astype(np.{dtype})"
        return DtypeError(expected("labels", f"probabilities of the dtype {dtype}", labels.dtype, fix))
    wanted, got = "one class for each example", "rows with any number of answers"
    return DataError(expected("labels", wanted, got, f"for several right answers use {answers}"))


def _check_classes(labels: Array, k: int, numbers: str, ignore: int | None) -> None:
    if labels.dtype.kind not in "iu":
        fix = "cast with labels.astype(np.int64)"
        if labels.dtype.kind == "f" and not (labels == np.floor(labels)).all():
            fix = f"for numbers use {numbers}"
        raise DtypeError(expected("labels", "integer classes", labels.dtype, fix))
    if labels.dtype.isnative and labels.view(_UNSIGNED[labels.itemsize]).max() < k:  # what is negative is very large
        return
    least, most = labels.min(), labels.max()
    bad = (labels < 0) | (labels >= k)
    if ignore is not None:
        bad &= labels != ignore
    if bad.any():
        at = np.unravel_index(int(bad.argmax()), labels.shape)
        fix = "subtract 1 if they count from 1" if least == 1 and most == k else ""
        got = f"{labels[at]} at example {at[0] if len(at) == 1 else tuple(map(int, at))}"
        raise DataError(expected("labels", f"classes from 0 to {k - 1}", got, fix))


def _check_probabilities(labels: Array, answers: str, numbers: str) -> None:
    total = labels.sum(axis=1, dtype=np.float64)
    bad = ~((labels >= 0).all(axis=1) & (np.abs(total - 1) < 1e-4))
    if not bad.any():
        return
    at = np.unravel_index(int(bad.argmax()), bad.shape)
    row = np.moveaxis(labels, 1, -1)[at]
    where = at[0] if len(at) == 1 else tuple(map(int, at))
    got = f"a row with sum {total[at]:g} and least {row.min():g} at example {where}"
    if np.isnan(row).any():
        got, fix = f"NaN at example {where}", ""
    elif ((labels == 0) | (labels == 1)).all():
        fix = f"for several right answers use {answers}"
    else:
        fix = f"for numbers use {numbers}"
    raise DataError(expected("labels", "rows of probabilities ≥ 0 that sum to 1", got, fix))
