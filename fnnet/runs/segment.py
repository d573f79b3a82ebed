"""Segmentation: which pixels of a cluttered picture belong to a digit."""

from pathlib import Path

import attrs
import numpy as np

from fnnet import layers, losses, rng, zoo
from fnnet.data import batch_count
from fnnet.runs import datasets, kinds, made, pictures
from fnnet.runs.experiment import Experiment, Problem
from fnnet.runs.measure import Measure
from fnnet.runs.settings import ScheduleName, Settings, at_least, optimizer, positive
from fnnet.types import Array, Layer, Shapes

_KEY = rng.fold_in(rng.key(0), "segment")  # the pictures are the same whatever the seed of the run
INK = 0.3  # a pixel is of a digit from this brightness on; MNIST's edges are grey
PIECE = 8  # pixels on a side of a piece of clutter


def composed(
    key: rng.Key, images: Array, count: int, side: int = 48, digits: int = 2, pieces: int = 8
) -> tuple[Array, Array]:
    """Pictures of several digits among pieces of others, and which of their pixels are of a digit.

    Each digit lies somewhere, and each piece, cut out of the middle of some digit. Where things lie on each other the
    brightest is seen. A pixel is of a digit if one is of `INK` there and no piece is brighter.

    Args:
        key: of the digits, the pieces and the places.
        images: digits (M, H, H), brightness in [0, 1].
        count: N, pictures to make.
        side: of a picture, at least that of a digit.
        digits, pieces: on each picture.

    Returns:
        pictures and masks, 1 on a digit and else 0, both (N, 1, side, side) float32.
    """
    shown = _laid(rng.fold_in(key, "digits"), images, count, side, digits)
    corners = _corners(rng.fold_in(key, "cut"), len(images), images.shape[1] // 2 - PIECE) + images.shape[1] // 4
    cut = np.stack([image[_square(corner, PIECE)] for image, corner in zip(images, corners, strict=True)])
    clutter = _laid(rng.fold_in(key, "pieces"), cut, count, side, pieces)
    mask = (shown >= INK) & (shown >= clutter)
    return np.maximum(shown, clutter)[:, None], mask.astype(np.float32)[:, None]


def _laid(key: rng.Key, stamps: Array, count: int, side: int, each: int) -> Array:
    """So many stamps on each of so many dark pictures."""
    made = np.zeros((count, side, side), np.float32)
    for i in range(each):
        own = rng.fold_in(key, i)
        chosen = stamps[_below(rng.fold_in(own, "which"), len(stamps), count)]
        corners = _corners(rng.fold_in(own, "where"), count, side - stamps.shape[1])
        for picture, stamp, corner in zip(made, chosen, corners, strict=True):
            place = _square(corner, len(stamp))
            np.maximum(picture[place], stamp, out=picture[place])
    return made


def _square(corner: Array, side: int) -> tuple[slice, slice]:
    """The square of that side below and right of a corner."""
    top, left = corner
    return slice(top, top + side), slice(left, left + side)


def _corners(key: rng.Key, n: int, most: int) -> Array:
    """Upper left corners (n, 2), each number from 0 to `most`."""
    return _below(key, most + 1, 2 * n).reshape(n, 2)


def _below(key: rng.Key, bound: int, n: int) -> Array:
    """So many whole numbers from 0 to bound - 1."""
    return (rng.uniform(key, (n,), dtype=np.float64) * bound).astype(np.int64)


@attrs.frozen
class Config(Settings):
    """A small U-Net that tells digits from pieces of digits."""

    epochs: int = attrs.field(default=6, validator=at_least(1))
    """Times every picture is seen; with patience, at most."""
    batch_size: int = attrs.field(default=16, validator=at_least(1))
    """Pictures in a step; the last batch of an epoch may be short."""
    learning_rate: float = attrs.field(default=0.01, validator=positive)
    """The highest learning rate of the schedule."""
    schedule: ScheduleName = "one_cycle"
    """How the learning rate changes over the run, from step to step."""
    train_examples: int = attrs.field(default=2000, validator=at_least(1))
    """Pictures to make for training, those held back included."""
    test_examples: int = attrs.field(default=500, validator=at_least(1))
    """Pictures to make for testing, of other digits."""
    side: int = attrs.field(default=48, validator=at_least(28))
    """Height and width of a picture, a multiple of two to the power of the depth."""
    digits: int = attrs.field(default=2, validator=at_least(1))
    """On each picture."""
    pieces: int = attrs.field(default=8, validator=at_least(0))
    """Of other digits, on each picture."""
    channels: int = attrs.field(default=8, validator=at_least(1))
    """Of the first level; each level below has twice as many."""
    depth: int = attrs.field(default=2, validator=at_least(1))
    """How often the size is halved."""


def net(config: Config) -> Layer:
    """Pictures (1, H, W) to logits (1, H, W): whether a pixel is of a digit."""
    return zoo.unet(1, depth=config.depth, channels=config.channels)


def iou(logits: Array, masks: Array) -> float:
    """The area that is a digit and said to be one, as a share of that which is either; the mean over pictures.

        |is ∩ said| / |is ∪ said|,    1 where both are empty

    >>> iou(np.array([[[[2.0, 2.0, -1.0, -1.0]]]]), np.array([[[[1, 0, 1, 0]]]]))
    0.3333333333333333
    """
    said, is_so = logits > 0, masks > 0
    both, either = (part.reshape(len(masks), -1).sum(axis=1) for part in (said & is_so, said | is_so))
    return float(np.where(either, both / np.maximum(either, 1), 1.0).mean())


def problem(config: Config, data: str | None, source: str | None = None) -> Problem:
    """The net, and pictures composed by a fixed key of the digits of MNIST, or of what stands in for it."""
    found = datasets.digits(data, None, source)

    def make(part: str, examples: tuple[Array, Array], count: int) -> tuple[Array, Array]:
        return composed(rng.fold_in(_KEY, part), examples[0][:, 0], count, config.side, config.digits, config.pieces)

    own = made.parts(
        make("train", found.train, config.train_examples),
        make("test", found.test, config.test_examples),
        config.validation_examples,
    )
    return Problem(
        net=net(config),
        loss=losses.binary_cross_entropy,
        optimizer=optimizer(config, config.epochs * batch_count(len(own["train"][0]), config.batch_size)),
        classes=(),
        source=found.source,
        data=found.data,
        note=found.note,
        loss_words="cross-entropy, nats per picture",
        **own,
    )


def read(word: str, config: Config, shape: Shapes, names: tuple[str, ...]) -> tuple[Array, list[str]]:
    """A whole picture file, brought to the size of the net's."""
    return pictures.read(Path(word), shape, pictures.whole)


def probabilities(logits: Array) -> Array:
    """How sure the net is that a pixel is of a digit, as brightness."""
    return layers.sigmoid().apply((), logits)[0]


EXPERIMENT = Experiment(
    "segment",
    Config,
    net,
    problem,
    kinds.pictures(read, Measure("IoU", iou, digits=3), views=kinds.Views(output=probabilities)),
)
