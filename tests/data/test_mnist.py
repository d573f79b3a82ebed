import hashlib
import shutil
import socket
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from fnnet import data
from fnnet.errors import DataError, MissingDataError
from tests.data.files import gz, idx, ramp

module = import_module("fnnet.data.mnist")  # the name in the package is the function's
ARRAYS = {
    "train-images-idx3-ubyte": ramp((7, 28, 28)),
    "train-labels-idx1-ubyte": ramp((7,)),
    "t10k-images-idx3-ubyte": ramp((3, 28, 28)) // 2,
    "t10k-labels-idx1-ubyte": np.array([9, 0, 9], np.uint8),
}


def write(directory: Path, form: str = "mnist/{}.gz", **changed: bytes) -> Path:
    """A data directory of small files in MNIST's form."""
    for name, array in ARRAYS.items():
        content = changed.get(name.replace("-", "_"), idx(array))
        path = directory / form.format(name)
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(gz(content) if path.suffix == ".gz" else content)
    return directory


def check(dataset: data.Dataset) -> None:
    (images, labels), (test_images, test_labels), valid = dataset
    np.testing.assert_array_equal(images, ARRAYS["train-images-idx3-ubyte"])
    np.testing.assert_array_equal(labels, ARRAYS["train-labels-idx1-ubyte"])
    np.testing.assert_array_equal(test_images, ARRAYS["t10k-images-idx3-ubyte"])
    np.testing.assert_array_equal(test_labels, [9, 0, 9])
    assert (images.dtype, labels.dtype, valid) == (np.uint8, np.int64, None)


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("folder", ["", "mnist/", "MNIST/raw/", "MNIST/", "raw/"])
@pytest.mark.parametrize("dot", [False, True])
@pytest.mark.parametrize("own", [False, True])
def test_reads_a_directory(tmp_path, folder, dot, own, ending):
    """Under the names of the MNIST page, torchvision, Keras' mirrors and Kaggle, which unpacks to folders."""
    write(tmp_path, folder + "{}" + ending)
    for path in [path for path in tmp_path.rglob("*") if path.is_file()]:
        target = path.with_name(path.name.replace("-idx", ".idx") if dot else path.name)
        content = path.read_bytes()
        path.unlink()
        if own:
            target.mkdir()
            target /= target.name
        target.write_bytes(content)
    check(data.mnist(tmp_path, verify=False))


KERAS = dict(zip(("x_train", "y_train", "x_test", "y_test"), ARRAYS.values(), strict=True))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("folder", [".", "mnist"])
def test_reads_keras_file(tmp_path, save, folder):
    (tmp_path / folder).mkdir(exist_ok=True)
    save(tmp_path / folder / "mnist.npz", **KERAS)
    check(data.mnist(tmp_path, verify=False))


def test_faults_in_keras_file_name_the_array(tmp_path):
    np.savez(tmp_path / "mnist.npz", **{**KERAS, "y_test": np.zeros(4, np.uint8)})
    with pytest.raises(DataError, match=r"mnist.npz: y_test: labels: expected 3, one for every image, got 4"):
        data.mnist(tmp_path, verify=False)
    with pytest.raises(DataError, match=r"mnist.npz: x_train: array: expected MNIST's"):
        data.mnist(tmp_path)


def test_several_candidates(tmp_path):
    """The first place with all of it, the first name of each file; nothing is put together from two places."""
    wrong = {name.replace("-", "_"): idx(255 - array) for name, array in ARRAYS.items()}
    for form in ("mnist/{}", "raw/{}.gz", "{}.gz"):
        write(tmp_path, form, **wrong)
    np.savez(tmp_path / "mnist" / "mnist.npz", **{name: 255 - array for name, array in KERAS.items()})
    write(tmp_path, "mnist/{}.gz")
    check(data.mnist(tmp_path, verify=False))
    shutil.rmtree(tmp_path / "mnist")
    write(tmp_path, "mnist/{}.gz", **wrong)
    (tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()  # no whole set, so it is passed over
    write(tmp_path, "MNIST/raw/{}.gz")
    check(data.mnist(tmp_path, verify=False))


def test_reads_the_directory_of_the_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("FNNET_DATA", str(write(tmp_path)))
    check(data.mnist(verify=False))


def test_other_pixels_are_not_mnist(tmp_path):
    with pytest.raises(
        DataError,
        match=r"train-images-idx3-ubyte.gz: array: expected MNIST's \(sha256 741c9888…\), got other items; .*verify",
    ):
        data.mnist(write(tmp_path))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"train_labels_idx1_ubyte": idx(ramp((6,)))},
            "train-labels.*: labels: expected 7, one for every image, got 6",
        ),
        ({"t10k_labels_idx1_ubyte": idx(ramp((4,)))}, "t10k-labels.*: labels: expected 3, one for every image, got 4"),
        (
            {"t10k_labels_idx1_ubyte": idx(np.array([1, 10, 2], np.uint8))},
            "t10k-labels.*: labels: expected classes 0 to 9, got 10 at row 1",
        ),
        (
            {"train_images_idx3_ubyte": idx(ramp((7,)))},
            r"train-images.*: array: expected uint8 of shape \(N, 28, 28\), got uint8 of shape \(7,\)",
        ),
        (
            {"train_images_idx3_ubyte": idx(ramp((7, 28, 27)))},
            r"train-images.*: array: expected uint8 of shape \(N, 28, 28\), got uint8 of shape \(7, 28, 27\)",
        ),
        (
            {"train_labels_idx1_ubyte": idx(ramp((7,)), 0x0C)},
            r"train-labels.*: array: expected uint8 of shape \(N,\), got int32 of shape \(7,\)",
        ),
        (
            {"train_labels_idx1_ubyte": idx(ramp((7, 10)))},
            r"train-labels.*: array: expected uint8 of shape \(N,\), got uint8 of shape \(7, 10\)",
        ),
        ({"train_images_idx3_ubyte": idx(ramp((7, 28, 28)))[:-1]}, r"train-images.*: data \(from byte 16\): expected"),
    ],
)
def test_parts_that_do_not_fit(tmp_path, changed, message):
    with pytest.raises(DataError, match=message):
        data.mnist(write(tmp_path, **changed), verify=False)


def test_missing_file(tmp_path):
    (write(tmp_path) / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    message = r"mnist: expected MNIST's four files, got none called t10k-labels-idx1-ubyte; name the directory"
    with pytest.raises(MissingDataError, match=message):
        data.mnist(tmp_path, verify=False)


@pytest.fixture
def small_mnist(monkeypatch):
    """Let the small arrays be what the checksums stand for; gives the files of a mirror."""
    served, files = {}, []
    for file, (name, array) in zip(module._FILES, ARRAYS.items(), strict=True):
        assert file.name == name
        packed = gz(idx(array))
        sums = {"packed": hashlib.sha256(packed).hexdigest(), "items": hashlib.sha256(array.tobytes()).hexdigest()}
        files.append(file._replace(**sums))
        served[f"{name}.gz"] = packed
    monkeypatch.setattr(module, "_FILES", tuple(files))
    return served


def test_downloads_once(no_directory, mirror, dead_mirror, small_mnist, monkeypatch):
    source = mirror(small_mnist)
    monkeypatch.setattr(module, "MIRRORS", (dead_mirror, source.url))
    check(data.mnist())
    dataset, note = data.mnist_or_digits()
    check(dataset)
    assert note is None
    assert sorted(source.asked) == sorted(small_mnist)
    assert sorted(path.name for path in (no_directory / "mnist").iterdir()) == sorted(small_mnist)


def test_neither_data_nor_network(no_directory, dead_mirror, monkeypatch):
    monkeypatch.setattr(module, "MIRRORS", (dead_mirror,))
    dataset, note = data.mnist_or_digits()
    assert note == (
        "MNIST: no data directory (the argument directory, FNNET_DATA) and no download came through; "
        "using the 1,797 handwritten digits that ship with scikit-learn"
    )
    small = data.small_digits()
    for part, same in zip(dataset[:2], small[:2], strict=True):
        np.testing.assert_array_equal(part.images, data.like_mnist(same.images))
        np.testing.assert_array_equal(part.labels, same.labels)
        assert part.images.dtype == np.uint8
    assert dataset.train.images.shape == (1437, 28, 28)


def test_a_named_directory_is_not_made_up_for(tmp_path, monkeypatch, dead_mirror):
    monkeypatch.setattr(module, "MIRRORS", (dead_mirror,))
    with pytest.raises(MissingDataError, match="got none of them; name the directory that holds MNIST"):
        data.mnist_or_digits(tmp_path)
    monkeypatch.setenv("FNNET_DATA", str(tmp_path / "none"))
    with pytest.raises(MissingDataError, match=r"data directory \(from FNNET_DATA\): expected an existing directory"):
        data.mnist_or_digits()


def test_damage_is_not_made_up_for(tmp_path):
    with pytest.raises(DataError, match="expected MNIST's"):
        data.mnist_or_digits(write(tmp_path))


def test_named_directory_needs_no_network(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    check(data.mnist(write(tmp_path), verify=False))


def test_like_mnist():
    images = np.zeros((2, 8, 8), np.uint8)
    images[1] = 255
    large = data.like_mnist(images)
    assert large.shape == (2, 28, 28)
    assert not large[0].any()
    assert (large[1, 4:-4, 4:-4] == 255).all()
    assert large[1].sum() == 20 * 20 * 255


def test_real_mnist(real_data):
    """The sums are those of the data's own description: unpacked for the training images, packed for the others."""
    dataset = data.mnist(real_data)
    assert hashlib.md5(idx(dataset.train.images)).hexdigest() == "6bbc9ace898e44ae57da46a324031adb"
    assert (dataset.train.images.shape, dataset.test.images.shape) == ((60_000, 28, 28), (10_000, 28, 28))
    assert dataset.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert np.bincount(dataset.train.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(dataset.test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    packed = {
        "train-labels-idx1-ubyte": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte": "ec29112dd5afa0611ce80d1b7f02629c",
    }
    for name, md5 in packed.items():
        content = (real_data / "mnist" / f"{name}.gz").read_bytes()
        assert hashlib.md5(content).hexdigest() == md5
        assert hashlib.sha256(content).hexdigest() in {file.packed for file in module._FILES[1:]}
