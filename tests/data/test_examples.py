import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import rng
from fnnet.data import Examples, one_hot, split_per_class, subset
from fnnet.data.examples import class_labels
from fnnet.errors import ConfigError, DataError, DtypeError, ShapeError
from tests.data.files import ramp

LAW = settings(derandomize=True, deadline=None, max_examples=60, database=None)


def test_subset():
    examples = Examples(ramp((5, 2, 2)), np.array([0, 1, 2, 3, 4]))
    for index in (slice(1, 3), np.array([1, 2]), np.array([False, True, True, False, False])):
        part = subset(examples, index)
        assert part.labels.tolist() == [1, 2]
        np.testing.assert_array_equal(part.images, examples.images[1:3])
    assert np.shares_memory(subset(examples, slice(1, 3)).images, examples.images)


@LAW
@given(labels=st.lists(st.integers(0, 3), min_size=1, max_size=40), n=st.integers(0, 5), seed=st.integers(0, 99))
def test_split_per_class(labels, n, seed):
    labels = np.array(labels)
    if (np.bincount(labels)[np.unique(labels)] < n).any():
        with pytest.raises(DataError, match=rf"class \d: expected at least n = {n} examples, got \d"):
            split_per_class(rng.key(seed), labels, n)
        return
    first, rest = split_per_class(rng.key(seed), labels, n)
    assert sorted([*first, *rest]) == list(range(len(labels)))
    assert (np.diff(first) > 0).all()
    assert (np.diff(rest) > 0).all()
    for label in np.unique(labels):
        assert (labels[first] == label).sum() == n


def test_split_depends_on_the_key_and_on_its_own_class_only():
    labels = np.repeat([0, 1], 50)
    first, _ = split_per_class(rng.key(0), labels, 10)
    again, _ = split_per_class(rng.key(0), labels, 10)
    other, _ = split_per_class(rng.key(1), labels, 10)
    fewer, _ = split_per_class(rng.key(0), labels[:50], 10)
    assert first.tolist() == again.tolist() != other.tolist()
    assert first[:10].tolist() == fewer.tolist()


@LAW
@given(labels=st.lists(st.integers(0, 4), max_size=20))
def test_one_hot(labels):
    rows = one_hot(np.array(labels, np.int64), 5)
    assert rows.dtype == np.float32
    assert rows.shape == (len(labels), 5)
    assert rows.tolist() == [[float(label == column) for column in range(5)] for label in labels]


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([0, 1], DtypeError, "labels: expected a NumPy array, got list; convert with"),
        (np.array([0.0, 1.0]), DtypeError, "labels: expected an array of integers, got float64"),
        (np.array([True, False]), DtypeError, "labels: expected an array of integers, got bool"),
        (np.zeros((2, 3), int), ShapeError, r"labels: expected \(N,\), got \(2, 3\); flatten them, or take argmax"),
        (np.array([0, 3, 1]), DataError, "labels: expected classes 0 to 2, got 3 at row 1"),
        (np.array([0, 1, -1]), DataError, "labels: expected classes 0 to 2, got -1 at row 2"),
    ],
)
def test_wrong_labels(labels, error, message):
    with pytest.raises(error, match=message):
        one_hot(labels, 3)


def test_class_labels():
    labels = class_labels(np.array([3, 1], np.uint8))
    assert labels.dtype == np.int64
    assert labels.tolist() == [3, 1]
    with pytest.raises(DataError, match="file: expected classes ≥ 0, got -2 at row 0"):
        class_labels(np.array([-2]), where="file")
    with pytest.raises(ConfigError, match="classes: expected a whole number ≥ 1, got 0"):
        one_hot(np.array([0]), 0)
