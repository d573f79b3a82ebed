"""Data: readers of files, whole data sets, batches and augmentation; everything comes and goes as plain arrays.

Readers check what they read and name the file and the field where it is wrong. Nothing here is drawn without a key.
"""

from fnnet.data.batches import batch_count, batches, in_order
from fnnet.data.directory import cache_directory, data_directory
from fnnet.data.examples import Dataset, Examples, one_hot, split_per_class, subset
from fnnet.data.idx import read_idx
from fnnet.data.mnist import like_mnist, mnist, mnist_or_digits
from fnnet.data.pixels import binarise, centre, pad, resize, scale
from fnnet.data.small_digits import small_digits

__all__ = [
    "Dataset",
    "Examples",
    "batch_count",
    "batches",
    "binarise",
    "cache_directory",
    "centre",
    "data_directory",
    "in_order",
    "like_mnist",
    "mnist",
    "mnist_or_digits",
    "one_hot",
    "pad",
    "read_idx",
    "resize",
    "scale",
    "small_digits",
    "split_per_class",
    "subset",
]
