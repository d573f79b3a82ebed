"""Examples: images with their labels, and what is done to labels."""

from typing import NamedTuple

import numpy as np

from fnnet import rng
from fnnet.arguments import plain_array, whole
from fnnet.errors import DataError, DtypeError, ShapeError, expected
from fnnet.types import Array


class Examples(NamedTuple):
    """Images and their labels, row by row.

    - `images`: uint8 as stored, (N, H, W), 0 background and 255 ink unless the loader says otherwise;
    - `labels`: int64 (N,), classes counted from 0.
    """

    images: Array
    labels: Array


class Dataset(NamedTuple):
    """A data set in its parts. `valid` is None where the data come without a part for validation; see `subset`."""

    train: Examples
    test: Examples
    valid: Examples | None = None


def subset(examples: Examples, index: slice | Array) -> Examples:
    """The examples at `index`: a slice (gives views), an array of row numbers or of booleans.

    >>> examples = Examples(np.zeros((5, 2, 2), np.uint8), np.array([0, 1, 0, 1, 0]))
    >>> subset(examples, slice(1, 3)).labels
    array([1, 0])
    """
    return Examples(examples.images[index], examples.labels[index])


def split_per_class(key: rng.Key, labels: Array, n: int) -> tuple[Array, Array]:
    """Row numbers of `n` examples of every class, drawn by `key`, and those of all the others; both ascending.

    Args:
        key: names the draw; each class has its own below it.
        labels: classes (N,), integers.
        n: examples of each class in the first part.

    Raises:
        DataError: a class has fewer than `n` examples.

    >>> first, rest = split_per_class(rng.key(0), np.array([0, 0, 0, 1, 1]), 1)
    >>> first.size, rest.size
    (2, 3)
    """
    labels, n = class_labels(labels), whole("n", n, 0)
    chosen = np.zeros(len(labels), bool)
    for label in np.unique(labels).tolist():
        rows = np.flatnonzero(labels == label)
        if len(rows) < n:
            raise DataError(expected(f"class {label}", f"at least n = {n} examples", len(rows)))
        chosen[rows[rng.permutation(rng.fold_in(key, label), len(rows))[:n]]] = True
    return np.flatnonzero(chosen), np.flatnonzero(~chosen)


def one_hot(labels: Array, classes: int) -> Array:
    """Rows of float32 (N, classes) with a 1 in the column of the label.

    Raises:
        DataError: a label is not in 0 … classes - 1.

    >>> one_hot(np.array([2, 0]), 3)
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    labels = class_labels(labels, whole("classes", classes, 1))
    rows = np.zeros((len(labels), classes), np.float32)
    rows[np.arange(len(labels)), labels] = 1
    return rows


def class_labels(labels: object, classes: int | None = None, where: str = "labels") -> Array:
    """`labels` as int64 (N,), or the error that says which of them is no class in 0 … classes - 1.

    >>> class_labels(np.array([3, 10], np.uint8), 10)
    Traceback (most recent call last):
    fnnet.errors.DataError: labels: expected classes 0 to 9, got 10 at row 1
    """
    labels = plain_array(where, labels)
    if labels.dtype.kind not in "iu":
        raise DtypeError(expected(where, "an array of integers", labels.dtype))
    if labels.ndim != 1:
        raise ShapeError(expected(where, "(N,)", labels.shape, "flatten them, or take argmax(axis=1) of one-hot rows"))
    wrong = labels < 0 if classes is None else (labels < 0) | (labels >= classes)
    if wrong.any():
        row = int(wrong.argmax())
        wanted = "classes ≥ 0" if classes is None else f"classes 0 to {classes - 1}"
        raise DataError(expected(where, wanted, f"{labels[row]} at row {row}"))
    return labels.astype(np.int64)
