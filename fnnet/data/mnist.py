"""MNIST, and what to train on where it is out of reach."""

import hashlib
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fnnet.data._files import FilePath, damaged
from fnnet.data.directory import VARIABLE, cache_directory, data_directory, fetch, find, name_it
from fnnet.data.examples import Dataset, Examples, class_labels
from fnnet.data.idx import read_idx
from fnnet.data.pixels import pad, resize
from fnnet.data.small_digits import small_digits
from fnnet.errors import MissingDataError
from fnnet.types import Array, Shape

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "http://yann.lecun.com/exdb/mnist/",
)


class _File(NamedTuple):
    """One of the four files: its name, the checksum of the gzip file on the mirrors, and that of the array inside."""

    name: str
    packed: str
    items: str


_TRAIN_IMAGES = _File(
    "train-images-idx3-ubyte",
    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
)
_TRAIN_LABELS = _File(
    "train-labels-idx1-ubyte",
    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
)
_TEST_IMAGES = _File(
    "t10k-images-idx3-ubyte",
    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
)
_TEST_LABELS = _File(
    "t10k-labels-idx1-ubyte",
    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
)


def mnist(directory: FilePath | None = None, verify: bool = True) -> Dataset:
    """MNIST: 60,000 training and 10,000 test images of handwritten digits, (N, 28, 28), in the original order.

    The four IDX files, gzip'd or plain, are looked for in the data directory and its folder `mnist`. Without a data
    directory (see `data_directory`) they come from the user's cache, filled from the mirrors when first needed.

    Args:
        directory: the data directory; by default that of FNNET_DATA, else the cache.
        verify: whether the pixels and labels must be those of MNIST; with False any set of the same form will do.

    Raises:
        MissingDataError: the files are neither there nor to be had.
        DataError: a file is damaged, or images and labels do not belong together, or they are not MNIST's.
    """
    locate = _in_cache if (named := data_directory(directory)) is None else partial(_in_directory, named)

    def read(file: _File, form: Shape) -> tuple[Path, Array]:
        path = locate(file)
        array = read_idx(path)
        if array.dtype != np.uint8 or array.shape[1:] != form:
            wanted = "uint8 of shape " + (f"(N, {form[0]}, {form[1]})" if form else "(N,)")
            raise damaged(path, "array", wanted, f"{array.dtype} of shape {array.shape}")
        if verify and hashlib.sha256(array.data).hexdigest() != file.items:
            fix = "read other sets of this form with verify=False"
            raise damaged(path, "array", f"MNIST's (sha256 {file.items[:8]}…)", "other items", fix)
        return path, array

    def part(images: _File, labels: _File) -> Examples:
        _, pixels = read(images, (28, 28))
        path, classes = read(labels, ())
        if len(classes) != len(pixels):
            raise damaged(path, "labels", f"{len(pixels)}, one for every image", len(classes))
        return Examples(pixels, class_labels(classes, 10, where=f"{path}: labels"))

    return Dataset(train=part(_TRAIN_IMAGES, _TRAIN_LABELS), test=part(_TEST_IMAGES, _TEST_LABELS))


def _in_cache(file: _File) -> Path:
    return fetch(f"mnist/{file.name}.gz", file.packed, MIRRORS, cache_directory())


def _in_directory(directory: Path, file: _File) -> Path:
    fix = f"{name_it('the directory that holds MNIST')}, or name none to download it"
    return find(directory, [f"{folder}{file.name}{end}" for folder in ("mnist/", "") for end in (".gz", "")], fix)


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
        digits = small_digits()
        note = (
            f"MNIST: no data directory (the argument directory, {VARIABLE}) and no download came through; "
            f"using the {sum(len(part.labels) for part in digits[:2]):,} handwritten digits that ship with scikit-learn"
        )
        return Dataset(*(Examples(like_mnist(part.images), part.labels) for part in digits[:2])), note


def like_mnist(images: Array) -> Array:
    """Small square images (N, H, H), their digit filling the frame, in MNIST's form (N, 28, 28), uint8.

    As in MNIST the digit is brought to a 20×20 box, here by `resize`, in the middle of a black 28×28 image.

    >>> like_mnist(np.zeros((3, 8, 8), np.uint8)).shape
    (3, 28, 28)
    """
    return pad(resize(images, 20, 20), 4)
