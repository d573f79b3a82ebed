import numpy as np
from sklearn.datasets import load_digits

from fnnet import rng
from fnnet.data import small_digits

GOLDEN = [5, 9, 2, 7, 1, 6, 5, 0, 1, 3, 7, 9]  # labels of the first test images


def test_every_digit_once():
    train, test, valid = small_digits()
    assert valid is None
    assert (train.images.shape, test.images.shape) == ((1437, 8, 8), (360, 8, 8))
    assert (train.images.dtype, train.labels.dtype) == (np.uint8, np.int64)
    assert np.bincount(test.labels).tolist() == [36] * 10
    both = sorted(map(bytes, np.concatenate([train.images, test.images])))
    assert both == sorted(map(bytes, np.rint(load_digits().images * 255 / 16).astype(np.uint8)))
    assert train.images.max() == 255


def test_split_is_fixed_by_the_key():
    one, same, other = small_digits(), small_digits(rng.key(0)), small_digits(rng.key(1))
    np.testing.assert_array_equal(one.test.images, same.test.images)
    assert (one.test.images != other.test.images).any()
    assert one.test.labels[:12].tolist() == GOLDEN
