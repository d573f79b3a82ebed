"""Data sets by name, as stored; or, of the same form, the digits that ship with scikit-learn."""

from collections.abc import Callable
from functools import cache

import numpy as np

from fnnet import data
from fnnet.data import Dataset, Examples
from fnnet.data.mnist import digits_like_mnist
from fnnet.runs.datasets import BUNDLED


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


def _digits_as_mat() -> Dataset:
    train, test, _ = data.small_digits()
    larger, held = (Examples(data.resize(part.images, 16, 16), part.labels) for part in (train, test))
    cut = len(train.labels) // 2
    return Dataset(data.subset(larger, slice(cut)), held, data.subset(larger, slice(cut, None)))


def _digits_as_hanzi() -> Dataset:
    """One-bit pictures; of the twelve classes, two stay empty."""
    train, test, _ = digits_like_mnist()
    ink, none = np.uint8(255), np.uint8(0)
    return Dataset(*(Examples(np.where(part.images > 127, ink, none), part.labels) for part in (train, test)))


_REAL: dict[str, Callable[[str | None], Dataset]] = {
    "mnist": lambda directory: data.mnist(directory),
    "digits.mat": lambda directory: data.digits_mat(directory),
    "hanzi": lambda directory: data.hanzi(directory),
}
_STAND_INS: dict[str, Callable[[], Dataset]] = {
    "mnist": digits_like_mnist,
    "digits.mat": _digits_as_mat,
    "hanzi": _digits_as_hanzi,
}
