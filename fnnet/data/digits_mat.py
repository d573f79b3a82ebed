"""digits.mat: 16×16 digits for training, validation and test."""

import numpy as np

from fnnet.data._files import FilePath, damaged
from fnnet.data.directory import data_directory, find, name_it
from fnnet.data.examples import Dataset, Examples, class_labels
from fnnet.data.mat import Variable, read_mat
from fnnet.errors import MissingDataError, expected


def digits_mat(directory: FilePath | None = None) -> Dataset:
    """The 16×16 digits of `digits.mat`: 5,000 for training, 5,000 for validation and 1,000 for test.

    Images are (N, 16, 16) uint8, white on black and upright (the file stores them column by column). The file's labels
    run from 1 to 10, 10 for the digit 0; ours are one less, so class k is the digit k + 1, and class 9 the digit 0.

    Args:
        directory: the data directory; by default that of FNNET_DATA. There is no download for this set.

    Raises:
        MissingDataError: there is no data directory, or no digits.mat in it.
        DataError: the file is damaged, or a label is no class.
    """
    named = data_directory(directory)
    fix = f"{name_it('the directory that holds digits.mat')}; there is no download for it"
    if named is None:
        raise MissingDataError(expected("digits.mat", "a data directory", "none", fix))
    path = find(named, ["digits.mat"], fix)
    pixels, classes = Variable((None, 256), "uint8"), Variable((None, 1), "uint8")
    names = {"train": ("X", "y"), "valid": ("Xvalid", "yvalid"), "test": ("Xtest", "ytest")}
    found = read_mat(path, {x: pixels for x, _ in names.values()} | {y: classes for _, y in names.values()})

    def part(x: str, y: str) -> Examples:
        images = np.ascontiguousarray(found[x].reshape(-1, 16, 16).transpose(0, 2, 1))
        if len(found[y]) != len(images):
            raise damaged(path, f"variable {y}", f"{len(images)} labels, one for every row of {x}", len(found[y]))
        labels = found[y].ravel().astype(np.int64) - 1
        return Examples(images, class_labels(labels, 10, where=f"{path}: variable {y}, less 1"))

    return Dataset(**{name: part(x, y) for name, (x, y) in names.items()})
