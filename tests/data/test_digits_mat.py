import hashlib
from pathlib import Path

import numpy as np
import pytest

from fnnet.data import digits_mat
from fnnet.errors import DataError, MissingDataError
from tests.data.files import mat, mat_variable, ramp


def write(directory: Path, **changed: np.ndarray) -> Path:
    arrays = {
        "X": ramp((4, 256)),
        "y": np.array([[1], [10], [2], [3]], np.uint8),
        "Xvalid": ramp((2, 256)) // 2,
        "yvalid": np.array([[9], [1]], np.uint8),
        "Xtest": ramp((1, 256)) // 3,
        "ytest": np.array([[5]], np.uint8),
    }
    content = mat(*(mat_variable(name, array, matlab_class="f8") for name, array in (arrays | changed).items()))
    (directory / "digits.mat").write_bytes(content)
    return directory


def test_reads(tmp_path):
    train, test, valid = digits_mat(write(tmp_path))
    assert train.labels.tolist() == [0, 9, 1, 2]
    assert (valid.labels.tolist(), test.labels.tolist()) == ([8, 0], [4])
    assert (train.images.dtype, train.labels.dtype) == (np.uint8, np.int64)
    for part, rows in ((train, ramp((4, 256))), (valid, ramp((2, 256)) // 2), (test, ramp((1, 256)) // 3)):
        for image, row in zip(part.images, rows, strict=True):
            np.testing.assert_array_equal(image, row.reshape(16, 16).T)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"X": ramp((4, 255))}, r"digits.mat: variable X \(byte 128\): expected shape \(N, 256\), got \(4, 255\)"),
        ({"X": ramp((4, 256)) / 2}, "expected numbers that fit into uint8, got others, in float64"),
        ({"y": ramp((4, 2))}, r"variable y .*: expected shape \(N, 1\), got \(4, 2\)"),
        (
            {"ytest": np.array([[1], [2]], np.uint8)},
            "variable ytest: expected 1 labels, one for every row of Xtest, got 2",
        ),
        (
            {"yvalid": np.array([[1], [0]], np.uint8)},
            "variable yvalid, less 1: expected classes 0 to 9, got -1 at row 1",
        ),
        (
            {"yvalid": np.array([[11], [1]], np.uint8)},
            "variable yvalid, less 1: expected classes 0 to 9, got 10 at row 0",
        ),
    ],
)
def test_wrong_variables(tmp_path, changed, message):
    with pytest.raises(DataError, match=message):
        digits_mat(write(tmp_path, **changed))


def test_missing(tmp_path, no_directory):
    with pytest.raises(MissingDataError, match=r"expected digits.mat, got none of them; name the directory that holds"):
        digits_mat(tmp_path)
    with pytest.raises(
        MissingDataError, match=r"digits.mat: expected a data directory, got none; .*no download for it"
    ):
        digits_mat()


def test_real_digits(real_data):
    path = real_data / "digits.mat"
    sha256 = "4dd617b10157025328080733ae91e0057111f74ee977d4dd7823d545923d00df"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    train, test, valid = digits_mat(real_data)
    assert [len(part.images) for part in (train, valid, test)] == [5000, 5000, 1000]
    assert train.images.shape[1:] == (16, 16)
    assert np.bincount(train.labels).tolist() == [513, 497, 508, 480, 505, 507, 476, 473, 528, 513]
    ones, zeros = (train.images[train.labels == label].mean(0) for label in (0, 9))
    middle = slice(6, 10)
    assert ones[middle, middle].mean() > 2 * zeros[middle, middle].mean()  # a 1 has ink in the middle, a 0 has none
