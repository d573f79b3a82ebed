import pickle

import numpy as np
import pytest

from fnnet import rng
from fnnet.data import augmented, batches, brightness, compose, flip, mixup, noise, shift
from fnnet.errors import ConfigError, DtypeError

KEY = rng.key(0)
X = rng.uniform(rng.key(1), (7, 1, 6, 6))
LABELS = np.arange(7) % 3


def mixed(key, batch):
    return mixup(key, batch, 3)


def equal(a, b):
    return all(np.array_equal(p, q) for p, q in zip(a, b, strict=True))


def test_one_after_the_other_each_with_its_own_key():
    x = shift(rng.fold_in(KEY, 1), flip(rng.fold_in(KEY, 0), X))
    np.testing.assert_array_equal(compose(flip, shift)(KEY, X), x)
    assert equal(compose(flip, shift, mixed)(KEY, (X, LABELS)), mixed(rng.fold_in(KEY, 2), (x, LABELS)))
    np.testing.assert_array_equal(compose()(KEY, X), X)


def test_compositions_are_transforms():
    inner = compose(shift, brightness)
    np.testing.assert_array_equal(
        compose(flip, inner)(KEY, X), inner(rng.fold_in(KEY, 1), flip(rng.fold_in(KEY, 0), X))
    )


def test_compositions_know_how_they_were_made():
    made = compose(flip, compose(noise, mixed))
    assert made == compose(flip, compose(noise, mixed)) != compose(compose(noise, mixed), flip)
    assert "flip" in repr(made)
    again = pickle.loads(pickle.dumps(made))
    assert again == made
    assert equal(again(KEY, (X, LABELS)), made(KEY, (X, LABELS)))


def test_faults():
    with pytest.raises(ConfigError, match=r"transforms\[1\]: expected a function of a key and a batch, got 3"):
        compose(flip, 3)
    with pytest.raises(ConfigError, match="key: expected a Key, got 0"):
        compose()(0, X)
    with pytest.raises(DtypeError, match="batches: expected batches that can be gone over again, got a list of 1"):
        augmented(KEY, [(X, LABELS)], flip)
    with pytest.raises(ConfigError, match="transform: expected a function of a key and a batch, got 'flip'"):
        augmented(KEY, batches(KEY, (X, LABELS), 2), "flip")


def test_augmented_epochs():
    """The same again every time; a key for every batch; and the same wherever the epoch is entered."""
    epoch = augmented(KEY, batches(rng.key(2), (X, LABELS), 2), flip)
    whole = list(epoch)
    assert len(epoch) == len(whole) == 4
    assert all(equal(a, b) for a, b in zip(whole, epoch, strict=True))
    for i, (batch, plain) in enumerate(zip(whole, batches(rng.key(2), (X, LABELS), 2), strict=True)):
        assert equal(batch, flip(rng.fold_in(KEY, i), plain))
    for start in range(5):
        later = augmented(KEY, batches(rng.key(2), (X, LABELS), 2, start=start), flip, start=start)
        assert all(equal(a, b) for a, b in zip(whole[start:], later, strict=True))
