"""MNIST, and what to train on where it is out of reach."""

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np

from fnnet.data._files import FilePath, damaged
from fnnet.data.directory import VARIABLE, cache_directory, data_directory, fetch, name_it
from fnnet.data.examples import Dataset, Examples, class_labels
from fnnet.data.idx import read_idx
from fnnet.data.npz import read_npz
from fnnet.data.pixels import pad, resize
from fnnet.data.small_digits import small_digits
from fnnet.errors import MissingDataError, expected
from fnnet.types import Array

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "http://yann.lecun.com/exdb/mnist/",
)


class _File(NamedTuple):
    """One of the four files: its name, that of its array in Keras' one file, and two checksums.

    Those are of the gzip file on the mirrors, and of the array inside.
    """

    name: str
    keras: str
    packed: str
    items: str


_FILES = (
    _File(
        "train-images-idx3-ubyte",
        "x_train",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    ),
    _File(
        "train-labels-idx1-ubyte",
        "y_train",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
    ),
    _File(
        "t10k-images-idx3-ubyte",
        "x_test",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    ),
    _File(
        "t10k-labels-idx1-ubyte",
        "y_test",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
    ),
)
_PLACES = ("mnist", "MNIST/raw", "MNIST", "raw", "")
_KERAS = "mnist.npz"
_Stored: TypeAlias = dict[_File, tuple[str, Callable[[], Array]]]  # where it is, in words, and how it is read


def mnist(directory: FilePath | None = None, verify: bool = True) -> Dataset:
    """MNIST: 60,000 training and 10,000 test images of handwritten digits, (N, 28, 28), in the original order.

    In a data directory it is found under the names that it has elsewhere, in this order: in the folders `mnist`,
    `MNIST/raw`, `MNIST` and `raw`, then in the directory itself; in each of these as four IDX files, each gzip'd or
    plain, with `-idx` or `.idx` in its name (`train-images-idx3-ubyte.gz`, `train-images.idx3-ubyte`), loose or in a
    folder of that name; else as Keras' `mnist.npz`. The first place with all of it is read: nothing is put together
    from two, and of two names for one file the first counts. Without a data directory (see `data_directory`) it comes
    from the user's cache, filled from the mirrors when first needed.

    Args:
        directory: the data directory; by default that of FNNET_DATA, else the cache.
        verify: whether the pixels and labels must be those of MNIST; with False any set of the same form will do.

    Raises:
        MissingDataError: the files are neither there nor to be had.
        DataError: a file is damaged, or images and labels do not belong together, or they are not MNIST's.
    """
    named = data_directory(directory)
    stored = _in_cache() if named is None else _in_directory(named)
    arrays: dict[_File, tuple[str, Array]] = {}
    for file, (where, read) in stored.items():
        array = read()
        form = (28, 28) if "images" in file.name else ()
        if array.dtype != np.uint8 or array.shape[1:] != form or array.ndim == 0:
            wanted = "uint8 of shape " + (f"(N, {form[0]}, {form[1]})" if form else "(N,)")
            raise damaged(where, "array", wanted, f"{array.dtype} of shape {array.shape}")
        if verify and hashlib.sha256(array.data).hexdigest() != file.items:
            fix = "read other sets of this form with verify=False"
            raise damaged(where, "array", f"MNIST's (sha256 {file.items[:8]}…)", "other items", fix)
        arrays[file] = where, array

    def part(images: _File, labels: _File) -> Examples:
        _, pixels = arrays[images]
        where, classes = arrays[labels]
        if len(classes) != len(pixels):
            raise damaged(where, "labels", f"{len(pixels)}, one for every image", len(classes))
        return Examples(pixels, class_labels(classes, 10, where=f"{where}: labels"))

    return Dataset(train=part(*_FILES[:2]), test=part(*_FILES[2:]))


def _in_cache() -> _Stored:
    found = {file: fetch(f"mnist/{file.name}.gz", file.packed, MIRRORS, cache_directory()) for file in _FILES}
    return {file: (str(path), partial(read_idx, path)) for file, path in found.items()}


def _in_directory(directory: Path) -> _Stored:
    """The first place below the directory that holds all of MNIST."""
    lacking = {}  # place -> the files that it does not hold
    for place in (directory / name for name in _PLACES):
        names = {file: [place / name for name in _names(file)] for file in _FILES}
        found = {file: next(filter(Path.is_file, paths), None) for file, paths in names.items()}
        if lacks := [file.name for file, path in found.items() if path is None]:
            if (place / _KERAS).is_file():
                return _in_npz(place / _KERAS)
            lacking[place] = lacks
        else:
            return {file: (str(path), partial(read_idx, path)) for file, path in found.items() if path is not None}
    place, lacks = min(lacking.items(), key=lambda item: len(item[1]))
    fix = f"{name_it('the directory that holds MNIST')}, or name none to download it"
    if len(lacks) < len(_FILES):
        raise MissingDataError(expected(f"{place}", "MNIST's four files", f"none called {', '.join(lacks)}", fix))
    wanted = f"{_FILES[0].name}.gz and three more, or {_KERAS}, there or in {', '.join(filter(None, _PLACES))}"
    raise MissingDataError(expected(f"data directory {directory}", wanted, "none of them", fix))


def _names(file: _File) -> list[str]:
    """What one of the four files may be called.

    >>> _names(_FILES[1])[:3]
    ['train-labels-idx1-ubyte.gz', 'train-labels-idx1-ubyte', 'train-labels.idx1-ubyte.gz']
    """
    names = [f"{name}{end}" for name in (file.name, file.name.replace("-idx", ".idx")) for end in (".gz", "")]
    return names + [f"{name}/{name}" for name in names]


def _in_npz(path: Path) -> _Stored:
    found = read_npz(path, [file.keras for file in _FILES])
    return {file: (f"{path}: {file.keras}", partial(found.__getitem__, file.keras)) for file in _FILES}


def mnist_or_digits(directory: FilePath | None = None) -> tuple[Dataset, str | None]:
    """MNIST and None; or, with neither data nor network, the bundled digits in MNIST's form and a line that says so.

    Only a missing cache is made up for: a data directory that the user has named (by `directory` or FNNET_DATA) must
    hold MNIST, and damaged files are errors in any case.

    Raises:
        MissingDataError: the named data directory does not hold MNIST.
        DataError: a file is damaged.
    """
    if data_directory(directory) is not None:
        return mnist(directory), None
    try:
        return mnist(), None
    except MissingDataError:
        digits = digits_like_mnist()
        note = (
            f"MNIST: no data directory (the argument directory, {VARIABLE}) and no download came through; "
            f"using the {sum(len(part.labels) for part in digits[:2]):,} handwritten digits that ship with scikit-learn"
        )
        return digits, note


def digits_like_mnist() -> Dataset:
    """The bundled digits in MNIST's form."""
    train, test, _ = small_digits()
    return Dataset(*(Examples(like_mnist(part.images), part.labels) for part in (train, test)))


def like_mnist(images: Array) -> Array:
    """Small square images (N, H, H), their digit filling the frame, in MNIST's form (N, 28, 28), uint8.

    As in MNIST the digit is brought to a 20×20 box, here by `resize`, in the middle of a black 28×28 image.

    >>> like_mnist(np.zeros((3, 8, 8), np.uint8)).shape
    (3, 28, 28)
    """
    return pad(resize(images, 20, 20), 4)
