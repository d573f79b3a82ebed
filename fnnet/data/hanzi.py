"""hanzi: twelve handwritten Chinese characters."""

from typing import Literal

import numpy as np

from fnnet import rng
from fnnet.arguments import one_of, shown
from fnnet.data._files import FilePath, damaged
from fnnet.data.directory import data_directory, find, name_it
from fnnet.data.examples import Dataset, Examples, split_per_class, subset
from fnnet.data.images import read_classes
from fnnet.errors import ConfigError, MissingDataError, expected

HANZI = "博学笃志切问近思自由无用"


def hanzi(
    directory: FilePath | None = None,
    key: rng.Key = rng.key(0),
    bright: Literal["ink", "background"] = "ink",
) -> Dataset:
    """Twelve handwritten characters, 28×28: of each 520 for training and 100, drawn by `key`, for test.

    Read from `hanzi.zip`, or a folder `hanzi`, of 1/1.bmp … 12/620.bmp; class k is the character HANZI[k].

    Args:
        directory: the data directory; by default that of FNNET_DATA. There is no download for this set.
        key: names the split.
        bright: what is 255, the rest being 0: the "ink", or the "background" as the files have it.

    Raises:
        MissingDataError: there is no data directory, or no hanzi in it.
        DataError: the file is damaged, or holds something else than 620 pictures 28×28 for each of twelve classes.
    """
    if bright not in ("ink", "background"):
        raise ConfigError(expected("bright", one_of(("ink", "background")), shown(bright)))
    named = data_directory(directory)
    fix = f"{name_it('the directory that holds hanzi.zip')}; there is no download for it"
    if named is None:
        raise MissingDataError(expected("hanzi.zip", "a data directory", "none", fix))
    path = named / "hanzi" if (named / "hanzi").is_dir() else find(named, ["hanzi.zip"], fix)
    images, labels, classes = read_classes(path)
    if images.shape[1:] != (28, 28):
        raise damaged(path, "pictures", "28×28 pixels", f"{images.shape[2]}×{images.shape[1]}")
    counts = np.bincount(labels).tolist()
    if classes != tuple(map(str, range(1, 13))) or counts != [620] * 12:
        got = ", ".join(f"{name}: {count}" for name, count in zip(classes, counts, strict=True))
        raise damaged(path, "classes", "1 to 12 with 620 pictures each", got)
    both = Examples(255 - images if bright == "ink" else images, labels)
    test, train = split_per_class(rng.fold_in(key, "hanzi"), labels, 100)
    return Dataset(train=subset(both, train), test=subset(both, test))
