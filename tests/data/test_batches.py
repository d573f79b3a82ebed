import inspect
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import rng
from fnnet.data import Examples, batch_count, batches, in_order
from fnnet.errors import ConfigError, DataError, DtypeError

LAW = settings(derandomize=True, deadline=None, max_examples=100, database=None)
REMAINDERS = ("keep", "drop", "fill")
KEY = rng.key(0)


def arrays(n):
    y = np.arange(n)
    return np.stack([y, -y], axis=1).astype(np.float32), y


@st.composite
def epochs(draw):
    n, remainder = draw(st.integers(1, 40)), draw(st.sampled_from(REMAINDERS))
    size = draw(st.integers(1, n if remainder != "keep" else 50))
    return n, size, remainder, rng.key(draw(st.integers(0, 9)))


@LAW
@given(epochs())
def test_every_example_once(epoch):
    n, size, remainder, key = epoch
    made = list(batches(key, arrays(n), size, remainder))
    assert len(made) == batch_count(n, size, remainder)
    for x, y in made:
        np.testing.assert_array_equal(x, np.stack([y, -y], axis=1))
    order = rng.permutation(key, n)
    rows = [y.tolist() for _, y in made]
    assert [row for batch in rows for row in batch][: n // size * size] == order[: n // size * size].tolist()
    full = [size] * (n // size)
    rest = n % size
    if rest == 0 or remainder == "drop":
        assert list(map(len, rows)) == full
    elif remainder == "keep":
        assert list(map(len, rows)) == [*full, rest]
        assert rows[-1] == order[-rest:].tolist()
    else:
        assert list(map(len, rows)) == [*full, size]
        assert rows[-1] == order[-size:].tolist()


@LAW
@given(epochs(), st.data())
def test_an_epoch_can_be_entered_anywhere(epoch, data):
    n, size, remainder, key = epoch
    start = data.draw(st.integers(0, batch_count(n, size, remainder)))
    whole = list(batches(key, arrays(n), size, remainder))
    rest = list(batches(key, arrays(n), size, remainder, start))
    assert [y.tolist() for _, y in rest] == [y.tolist() for _, y in whole[start:]]


def test_skipped_batches_cost_nothing(monkeypatch):
    read = []
    module = sys.modules[batches.__module__]
    monkeypatch.setattr(module, "read_rows", lambda arrays, index: read.append(len(index)) or arrays)
    stream = batches(KEY, (np.arange(100),), 10, start=9)
    assert read == []
    assert len(list(stream)) == 1
    assert read == [10]


def test_key_law():
    def order(key):
        return [y.tolist() for _, y in batches(key, arrays(100), 32)]

    assert order(KEY) == order(KEY) != order(rng.fold_in(KEY, 1))


def test_batches_are_new_and_arguments_stay():
    x, y = arrays(10)
    for array in (x, y):
        array.flags.writeable = False
    for xb, yb in batches(KEY, Examples(x, y), 4):
        assert not np.shares_memory(xb, x)
        xb[:] = 0
        yb[:] = 0
    np.testing.assert_array_equal(x, arrays(10)[0])


def test_mistakes_are_told_before_the_first_batch():
    assert not inspect.isgeneratorfunction(batches)
    with pytest.raises(DataError, match="expected at least one example, got none"):
        batches(KEY, arrays(0), 4)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((arrays(3), 0), ConfigError, "size: expected a whole number ≥ 1, got 0"),
        ((arrays(3), 2.0), ConfigError, r"size: expected a whole number ≥ 1, got 2.0"),
        ((arrays(3), 2, "pad"), ConfigError, "remainder: expected 'keep' or 'drop' or 'fill', got 'pad'"),
        (
            (arrays(3), 4, "drop"),
            DataError,
            "arrays, with remainder='drop',: expected at least size = 4 examples, got 3",
        ),
        (
            (arrays(3), 4, "fill"),
            DataError,
            "arrays, with remainder='fill',: expected at least size = 4 examples, got 3",
        ),
        ((arrays(3), 2, "keep", 3), ConfigError, "start: expected at most the 2 batches of this epoch, got 3"),
        ((arrays(3), 2, "keep", -1), ConfigError, "start: expected a whole number ≥ 0, got -1"),
        (((), 2), DataError, "arrays: expected at least one array, got none"),
        ((np.zeros((2, 3)), 2), DtypeError, r"arrays: expected a tuple of arrays such as \(x, y\), got ndarray"),
        (
            ((np.zeros(3), [1, 2, 3]), 2),
            DtypeError,
            r"arrays\[1\]: expected a NumPy array, got list; convert with np.asarray",
        ),
        (((np.zeros(3), np.zeros(4)), 2), DataError, r"arrays\[1\]: expected 3 examples, as in arrays\[0\], got 4"),
        (((np.zeros(3), np.array(4)), 2), DataError, r"arrays\[1\]: expected an array \(N, …\), got one without axes"),
    ],
)
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        batches(KEY, *arguments)


def test_key_is_checked():
    with pytest.raises(ConfigError, match=r"key: expected a Key, got 0; make one with rng.key\(seed\)"):
        batches(0, arrays(3), 2)


def test_in_order():
    x, y = arrays(10)
    made = list(in_order((x, y), 4))
    assert [yb.tolist() for _, yb in made] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert all(np.shares_memory(xb, x) for xb, _ in made)
    with pytest.raises(DataError, match=r"arrays\[1\]: expected 10 examples"):
        in_order((x, y[:9]), 4)
    with pytest.raises(ConfigError, match="size: expected a whole number ≥ 1, got 0"):
        in_order((x, y), 0)


def test_golden_order():
    """The order of an epoch outlives versions of NumPy."""
    assert [y.tolist() for (y,) in batches(rng.key(2024), (np.arange(8),), 4)] == [[2, 0, 5, 6], [1, 4, 3, 7]]
