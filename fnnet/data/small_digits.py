"""The handwritten digits that ship with scikit-learn: small, and always there."""

import numpy as np

from fnnet import rng
from fnnet.data._files import extra
from fnnet.data.examples import Dataset, Examples, split_per_class, subset


def small_digits(key: rng.Key = rng.key(0)) -> Dataset:
    """1,797 handwritten digits, 8×8: 360 for testing, 36 of every class drawn by `key`, and 1,437 for training.

    Images are (N, 8, 8) uint8, the stored 0 … 16 brought to 0 … 255 and rounded; labels are the digits.

    Source: `sklearn.datasets.load_digits`, the test part of "Optical Recognition of Handwritten Digits" (UCI).

    >>> train, test, _ = small_digits()
    >>> train.images.shape, test.images.shape
    ((1437, 8, 8), (360, 8, 8))
    """
    digits = extra("sklearn.datasets", "small_digits").load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    both = Examples(images, digits.target.astype(np.int64))
    test, train = split_per_class(rng.fold_in(key, "small_digits"), both.labels, 36)
    return Dataset(train=subset(both, train), test=subset(both, test))
