"""Data: readers of files, whole data sets, batches and augmentation; everything comes and goes as plain arrays.

Readers check what they read and name the file and the field where it is wrong. Nothing here is drawn without a key.
"""

from fnnet.batching import in_order
from fnnet.data.augment import (
    affine,
    brightness,
    contrast,
    crop,
    cutout,
    elastic,
    flip,
    noise,
    of_pictures,
    random_crop,
    shift,
    warp,
    with_copies,
)
from fnnet.data.batches import batch_count, batches
from fnnet.data.compose import augmented, compose
from fnnet.data.digits_mat import digits_mat
from fnnet.data.directory import cache_directory, data_directory
from fnnet.data.examples import Dataset, Examples, one_hot, split_per_class, subset
from fnnet.data.hanzi import HANZI, hanzi
from fnnet.data.idx import read_idx
from fnnet.data.images import ClassImages, read_classes
from fnnet.data.mat import Variable, read_mat
from fnnet.data.mixing import cutmix, mixup
from fnnet.data.mnist import like_mnist, mnist, mnist_or_digits
from fnnet.data.npz import read_npz
from fnnet.data.picture import read_image
from fnnet.data.pixels import binarise, centre, pad, resize, scale
from fnnet.data.small_digits import small_digits

__all__ = [
    "HANZI",
    "ClassImages",
    "Dataset",
    "Examples",
    "Variable",
    "affine",
    "augmented",
    "batch_count",
    "batches",
    "binarise",
    "brightness",
    "cache_directory",
    "centre",
    "compose",
    "contrast",
    "crop",
    "cutmix",
    "cutout",
    "data_directory",
    "digits_mat",
    "elastic",
    "flip",
    "hanzi",
    "in_order",
    "like_mnist",
    "mixup",
    "mnist",
    "mnist_or_digits",
    "noise",
    "of_pictures",
    "one_hot",
    "pad",
    "random_crop",
    "read_classes",
    "read_idx",
    "read_image",
    "read_mat",
    "read_npz",
    "resize",
    "scale",
    "shift",
    "small_digits",
    "split_per_class",
    "subset",
    "warp",
    "with_copies",
]
