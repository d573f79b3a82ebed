"""Data sets by name, as stored; or, of the same form, the digits that ship with scikit-learn."""

from collections.abc import Callable
from functools import cache

import numpy as np

from fnnet import data
from fnnet.data import Dataset, Examples
from fnnet.runs.datasets import BUNDLED
from fnnet.types import Array


@cache
def load(name: str, directory: str | None) -> Dataset:
    """A data set, read once in a process.

    Args:
        name: "mnist", "digits.mat" or "hanzi".
        directory: a data directory; None for FNNET_DATA (MNIST: the cache, the network); "bundled" for a stand-in.

    Raises:
        MissingDataError: it is not there; the message says how to get it.
    """
    return _STAND_INS[name]() if directory == BUNDLED else _REAL[name](directory)


def _digits_as_mnist() -> Dataset:
    train, test, _ = data.small_digits()
    return Dataset(Examples(data.like_mnist(train.images), train.labels), _like(data.like_mnist(test.images), test))


def _digits_as_mat() -> Dataset:
    train, test, _ = data.small_digits()
    larger = Examples(data.resize(train.images, 16, 16), train.labels)
    cut = len(train.labels) // 2
    parts = data.subset(larger, slice(cut)), data.subset(larger, slice(cut, None))
    return Dataset(parts[0], _like(data.resize(test.images, 16, 16), test), parts[1])


def _digits_as_hanzi() -> Dataset:
    """One-bit pictures; of the twelve classes, two stay empty."""
    found = _digits_as_mnist()
    return Dataset(*(_like(np.where(part.images > 127, np.uint8(255), np.uint8(0)), part) for part in found[:2]))


def _like(images: Array, examples: Examples) -> Examples:
    return Examples(images, examples.labels)


_REAL: dict[str, Callable[[str | None], Dataset]] = {
    "mnist": lambda directory: data.mnist(directory),
    "digits.mat": lambda directory: data.digits_mat(directory),
    "hanzi": lambda directory: data.hanzi(directory),
}
_STAND_INS: dict[str, Callable[[], Dataset]] = {
    "mnist": _digits_as_mnist,
    "digits.mat": _digits_as_mat,
    "hanzi": _digits_as_hanzi,
}
