import hashlib
from pathlib import Path

import numpy as np
import pytest

from fnnet import rng
from fnnet.data import HANZI, Dataset, Examples, hanzi, read_classes
from fnnet.errors import ConfigError, DataError, MissingDataError
from tests.data.files import picture, zipped


def write(directory: Path, classes: int = 12, each: int = 620, size: int = 28) -> Path:
    """Blank pictures but for one black pixel that tells the number of the picture."""
    entries = {}
    for number in range(1, each + 1):
        pixels = np.ones((size, size), bool)
        pixels[number // size, number % size] = False
        content = picture(pixels)
        entries |= {f"{label}/{number}.bmp": content for label in range(1, classes + 1)}
    (directory / "hanzi.zip").write_bytes(zipped(entries, method=0))
    return directory


@pytest.fixture(scope="module")
def directory(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("hanzi"))


@pytest.fixture(scope="module")
def one(directory) -> Dataset:
    return hanzi(directory)


def numbers(part: Examples, label: int) -> list[int]:
    """The numbers of a class's pictures: where the ink is."""
    return part.images[part.labels == label].reshape(-1, 784).argmax(axis=1).tolist()


def test_split(one):
    assert one.valid is None
    assert (one.train.images.shape, one.test.images.shape) == ((6240, 28, 28), (1200, 28, 28))
    assert np.unique(one.train.images).tolist() == [0, 255]
    for label in range(12):  # every picture of every class in one of the two parts
        assert len(numbers(one.test, label)) == 100
        assert sorted(numbers(one.train, label) + numbers(one.test, label)) == list(range(1, 621))


def test_key_and_ink(directory, one):
    other = hanzi(directory, rng.key(1), bright="background")
    assert other.test.images.mean() > 254 > 1 > one.test.images.mean()
    inked = Examples(255 - other.test.images, other.test.labels)
    assert numbers(inked, 3) != numbers(one.test, 3) != numbers(one.test, 4)
    with pytest.raises(ConfigError, match="bright: expected 'ink' or 'background', got 'paper'"):
        hanzi(directory, bright="paper")


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"each": 3}, "hanzi.zip: classes: expected 1 to 12 with 620 pictures each, got 1: 3, 2: 3"),
        ({"classes": 2, "each": 3}, "classes: expected 1 to 12 with 620 pictures each, got 1: 3, 2: 3$"),
        ({"each": 1, "size": 27}, "pictures: expected 28×28 pixels, got 27×27"),
    ],
)
def test_wrong_set(tmp_path, form, message):
    with pytest.raises(DataError, match=message):
        hanzi(write(tmp_path, **form))


def test_missing(tmp_path, no_directory):
    with pytest.raises(MissingDataError, match=r"expected hanzi.zip, got none of them; name the directory that holds"):
        hanzi(tmp_path)
    with pytest.raises(MissingDataError, match=r"hanzi.zip: expected a data directory, got none"):
        hanzi()


def test_real_hanzi(real_data):
    sha256 = "a621356540dfc93afaa7db2e6b0793bfc1612b3f0f6d4db33558fb5850565f35"
    assert hashlib.sha256((real_data / "hanzi.zip").read_bytes()).hexdigest() == sha256
    train, test, _ = hanzi(real_data)
    assert len(HANZI) == 12
    assert np.unique(train.images).tolist() == [0, 255]
    assert 0.05 < train.images.mean() / 255 < 0.2  # little ink
    images, _, classes = read_classes(real_data / "hanzi.zip")
    assert classes == tuple(map(str, range(1, 13)))
    every = np.concatenate([train.images, test.images])
    assert sorted(map(bytes, every)) == sorted(map(bytes, 255 - images))
