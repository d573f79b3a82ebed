"""Keys and draws: golden values, collisions, moments, and bad input."""

import copy
import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnnet import rng
from fnnet.errors import ConfigError, DtypeError, FnnetError, ShapeError
from fnnet.testing import strategies

ROOT = rng.fold_in(rng.fold_in(rng.key(2026), "golden"), 7)
WORDS = st.one_of(st.integers(0, 2**64 - 1), st.text(max_size=8))

# These bytes are a promise: seeds keep their meaning over versions of fnnet and of NumPy.
UNIFORM_64 = [0.7381693533563599, 0.9021221366524663, 0.25520623176790547, 0.9863032040925661]
BERNOULLI = [0, 0, 0, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1]
PERMUTATION = [8, 7, 2, 4, 5, 0, 6, 9, 1, 3]
BY_PATH = {
    (): 1232279569898196538,
    (0,): 109852682421521980,
    (1,): 2803349375044423683,
    (4294967296,): 5371872574175013144,
    (0, 1): 12077023221014422899,
    ("train",): 2573702920282871400,
    ("train", 3): 14136827533599204874,
    ("shuffle", 3): 12069098892109006297,
    ("häß",): 13960336278778837523,
}


def first_words(key, n=2):
    """The raw 64-bit words at the head of a stream."""
    return rng.generator(key).bit_generator.random_raw(n).tolist()


def test_uniform_is_pinned():
    assert rng.uniform(ROOT, (4,), dtype=np.float64).tolist() == UNIFORM_64
    np.testing.assert_array_equal(rng.uniform(ROOT, (4,)), np.floor(np.array(UNIFORM_64) * 2**24) / 2**24)


def test_bernoulli_is_pinned():
    assert rng.bernoulli(ROOT, 0.3, (16,)).astype(int).tolist() == BERNOULLI


def test_permutation_is_pinned():
    assert rng.permutation(ROOT, 10).tolist() == PERMUTATION


@pytest.mark.parametrize("path", BY_PATH, ids=repr)
def test_raw_words_are_pinned_by_path(path):
    assert first_words(rng.Key(1, path), 1) == [BY_PATH[path]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((2**32,), (0, 1)),
        ((2**32,), (1,)),
        ((), (0,)),
        ((0,), (0, 0)),
        ((0,), ("",)),
        ((1,), ("1",)),
        (("ab",), ("a", "b")),
        ((1, 2), (2, 1)),
        ((2**64 - 1,), (2**32 - 1,)),
        (("train", 3), ("shuffle", 3)),
    ],
)
def test_paths_that_look_alike_do_not_collide(one, other):
    assert first_words(rng.Key(0, one)) != first_words(rng.Key(0, other))


@given(st.lists(WORDS, max_size=3).map(tuple), st.lists(WORDS, max_size=3).map(tuple))
def test_different_paths_different_bits(one, other):
    assert (first_words(rng.Key(0, one)) == first_words(rng.Key(0, other))) == (one == other)


def test_the_seed_is_not_a_word():
    assert first_words(rng.Key(1)) != first_words(rng.Key(0, (1,)))
    assert first_words(rng.Key(2**32)) != first_words(rng.Key(0, (1,)))
    assert len({tuple(first_words(rng.key(seed))) for seed in (0, 1, 2**32, 2**63, 2**64 - 1)}) == 5


@given(strategies.keys(), WORDS)
def test_keys_are_values(key, word):
    child = rng.fold_in(key, word)
    assert child == rng.fold_in(key, word) != key
    assert hash(child) == hash(rng.fold_in(key, word))
    assert pickle.loads(pickle.dumps(child)) == copy.deepcopy(child) == child
    assert child.path == (*key.path, word)


def test_keys_take_numpy_integers_and_keep_python_ones():
    key = rng.fold_in(rng.key(np.uint64(3)), np.int32(4))
    assert key == rng.Key(3, (4,))
    assert [type(part) for part in (key.seed, *key.path)] == [int, int]


def test_split_is_a_prefix_of_a_longer_split():
    few, many = rng.split(rng.key(0), 2), rng.split(rng.key(0), 5)
    assert many[:2] == few
    assert len({tuple(first_words(key)) for key in many}) == 5
    assert rng.split(rng.key(0), 0) == ()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_uniform_moments_and_bounds(dtype):
    u = rng.uniform(rng.key(1), (100_000,), -1.0, 3.0, dtype)
    assert u.dtype == dtype
    assert u.min() >= -1
    assert u.max() < 3
    assert u.mean() == pytest.approx(1, abs=4 * 4 / np.sqrt(12 * 1e5))
    assert u.var() == pytest.approx(16 / 12, rel=0.02)


def test_uniform_never_reaches_high():
    """high - low rounds: without care the largest float32 draws would become `high`."""
    u = rng.uniform(rng.key(0), (200_000,), 1.0, 1.0 + 2.0**-22)
    assert u.max() < np.float32(1 + 2.0**-22)
    assert set(np.unique(u)) <= {np.float32(1 + k * 2.0**-23) for k in range(2)}


def test_uniform_of_an_empty_interval_is_its_end():
    assert rng.uniform(rng.key(0), (3,), 2.0, 2.0).tolist() == [2, 2, 2]


def test_uniform_in_float32_is_the_head_of_float64():
    wide, narrow = (rng.uniform(rng.key(3), (1000,), dtype=dtype) for dtype in (np.float64, np.float32))
    assert (wide - narrow >= 0).all()
    assert (wide - narrow < 2.0**-24).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normal_moments(dtype):
    z = rng.normal(rng.key(1), (100_000,), dtype)
    assert z.dtype == dtype
    assert z.mean() == pytest.approx(0, abs=4 / np.sqrt(1e5))
    assert z.var() == pytest.approx(1, rel=0.02)
    assert (z**4).mean() == pytest.approx(3, rel=0.05)


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_bernoulli_frequency(p):
    draws = rng.bernoulli(rng.key(1), p, (100_000,))
    assert draws.dtype == bool
    assert draws.mean() == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / 1e5))


@given(strategies.keys(), st.integers(0, 300))
def test_permutation_is_one(key, n):
    assert sorted(rng.permutation(key, n).tolist()) == list(range(n))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=40), st.integers(1, 9))
def test_the_order_of_words_is_the_stable_one(words, piece):
    """Also where words are alike in their first bits, or altogether, and are looked at piece by piece."""
    numbers = np.array([(high << 60) + low for high, low in words], np.uint64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rng, "_PIECE", piece)
        assert rng._order(numbers).tolist() == np.argsort(numbers, kind="stable").tolist()


def test_all_permutations_come_alike():
    seen = [tuple(rng.permutation(rng.key(seed), 3)) for seed in range(3000)]
    counts = [seen.count(order) for order in itertools.permutations(range(3))]
    assert min(counts) > 500 - 4 * np.sqrt(500)
    assert max(counts) < 500 + 4 * np.sqrt(500)


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (2, 3)])
@pytest.mark.parametrize("draw", [rng.uniform, rng.normal, lambda key, shape: rng.bernoulli(key, 0.5, shape)])
def test_every_shape(draw, shape):
    drawn = draw(rng.key(0), shape)
    assert isinstance(drawn, np.ndarray)
    assert drawn.shape == shape
    assert drawn.tobytes() == draw(rng.key(0), shape).tobytes()


def test_neighbouring_keys_are_uncorrelated():
    draws = np.stack([rng.normal(rng.fold_in(rng.key(0), i), (2000,)) for i in range(20)])
    off_diagonal = np.corrcoef(draws)[~np.eye(20, dtype=bool)]
    assert np.abs(off_diagonal).max() < 5 / np.sqrt(2000)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rng.key(-1), ConfigError, r"seed: expected a whole number ≥ 0, got -1"),
        (lambda: rng.key(1.0), ConfigError, r"seed: expected a whole number ≥ 0, got 1.0"),
        (lambda: rng.key(True), ConfigError, r"seed: .* got True"),
        (lambda: rng.key(2**64), ConfigError, r"seed: expected a whole number below 2\*\*64, got 18446744073709551616"),
        (
            lambda: rng.fold_in(rng.key(0), 2**64),
            ConfigError,
            r"word: expected a string or a whole number below 2\*\*64",
        ),
        (lambda: rng.fold_in(rng.key(0), -1), ConfigError, r"word: expected a whole number ≥ 0, got -1"),
        (lambda: rng.fold_in(rng.key(0), 0.5), ConfigError, r"word: .* got 0.5"),
        (lambda: rng.fold_in(rng.key(0), "\ud800"), ConfigError, "word: expected text that UTF-8 can hold"),
        (lambda: rng.Key(0, "train"), ConfigError, r"path: expected a tuple of words, got 'train'; write \('train',\)"),
        (lambda: rng.Key(0, 3), ConfigError, r"path: expected a tuple of words, got 3; write \(3,\)"),
        (lambda: rng.Key(0, b"train"), ConfigError, r"path: expected a tuple of words, got b'train'$"),
        (lambda: rng.fold_in(0, 1), ConfigError, r"key: expected a Key, got 0; make one with rng.key\(seed\)"),
        (lambda: rng.split(rng.key(0), -1), ConfigError, r"n: expected a whole number ≥ 0, got -1"),
        (lambda: rng.permutation(rng.key(0), 2.0), ConfigError, r"n: .* got 2.0"),
        (lambda: rng.uniform(7, (2,)), ConfigError, r"key: expected a Key, got 7"),
        (lambda: rng.uniform(rng.key(0), (2,), 1, 0), ConfigError, r"low: expected a number ≤ high = 0.0, got 1.0"),
        (
            lambda: rng.uniform(rng.key(0), (2,), dtype=int),
            DtypeError,
            r"dtype: expected float32 or float64, got int64",
        ),
        (lambda: rng.uniform(rng.key(0), (2,), dtype="banana"), DtypeError, r"dtype: expected .*, got 'banana'"),
        (lambda: rng.normal(rng.key(0), (2,), np.float16), DtypeError, r"dtype: .* got float16"),
        (
            lambda: rng.uniform(rng.key(0), (2,), 0, 1e39),
            ConfigError,
            r"low, high and their distance: expected at most 3.40282e\+38 in float32, got 0, 1e\+39",
        ),
        (lambda: rng.uniform(rng.key(0), (2,), -1e308, 1e308, np.float64), ConfigError, r"got -1e\+308, 1e\+308"),
        (lambda: rng.uniform(rng.key(0), 3), ShapeError, r"shape: expected a sequence of whole numbers ≥ 0, got 3"),
        (lambda: rng.normal(rng.key(0), (-1,)), ShapeError, r"shape: .* got \(-1,\)"),
        (lambda: rng.bernoulli(rng.key(0), 1.5, (2,)), ConfigError, r"p: expected a number in \[0, 1\], got 1.5"),
        (lambda: rng.bernoulli(rng.key(0), np.nan, (2,)), ConfigError, r"p: .* got nan"),
    ],
)
def test_bad_input(call, error, message):
    assert issubclass(error, FnnetError)
    with pytest.raises(error, match=message):
        call()
