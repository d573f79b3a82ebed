"""Pictures with labels: the data sets of the reports, how their pixels are read, changed and answered for."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import attrs
import numpy as np

from fnnet import data, layers, losses, rng
from fnnet.arguments import real
from fnnet.errors import ConfigError, MissingDataError, expected
from fnnet.losses import Loss
from fnnet.runs import class_folders, datasets, kinds, one_hot, pictures, sources
from fnnet.runs.datasets import BUNDLED, BUNDLED_DIGITS, Found
from fnnet.runs.experiment import Experiment, Problem
from fnnet.runs.nets import ActivationName, Parts
from fnnet.runs.settings import (
    INITIALIZERS,
    LATER,
    InitializationName,
    Settings,
    optimizer,
    optional,
    share,
    sizes,
)
from fnnet.types import Array, Layer, Shapes

DataSetName = Literal["mnist", "digits", "hanzi", "pictures"]
PixelsName = Literal["scaled", "centred", "binary", "inverted"]
LossName = Literal["cross_entropy", "squared_error", "norm"]


def strength(_: object, attribute: "attrs.Attribute[Any]", value: float) -> None:
    """An attrs validator: a number from 0 to 3."""
    real(attribute.name, value, 0, 3)


def _has_momentum(config: "Config", _: object, value: float | None) -> None:
    """An attrs validator: no other optimizer has a velocity."""
    if value is not None and config.optimizer not in ("momentum", "nesterov"):
        raise ConfigError(expected("momentum", "optimizer momentum or nesterov with it", config.optimizer))


@attrs.frozen
class Config(class_folders.Config):
    """Settings of nets that tell pictures apart."""

    data_set: DataSetName = "mnist"
    """mnist; digits, the 16×16 ones of the third report, which have pictures for validation; hanzi, the twelve
    handwritten characters of the fourth; or pictures, your own: --data names a folder or zip with a folder for each
    class, and the settings from resize to test_share say how they are read."""
    pixels: PixelsName = "scaled"
    """In [0, 1], ink 1; centred, each picture less its mean; binary, cut at a half; or inverted, ink 0."""
    copies: bool = False
    """Train on four times the pictures: as they are, with noise, shifted, and cropped."""
    affine: float = attrs.field(default=0.0, validator=strength)
    """Rotate, resize, shear and shift every batch at random: 1 is by up to 12 degrees, 15 % of the size, 10 degrees and
    7 % of the width, 0 not at all."""
    loss: LossName = "cross_entropy"
    """Cross-entropy behind a softmax; half the squared distance from the one-hot row; or that distance."""
    initialization: InitializationName = "he"
    """Distribution of the first weights; biases start at zero."""
    hidden: tuple[int, ...] = attrs.field(default=(256, 128), validator=sizes)
    """Units of the hidden dense layers."""
    activation: ActivationName = "relu"
    """Behind every hidden layer."""
    batch_norm: bool = False
    """Batch norm in front of every activation."""
    dropout: float = attrs.field(default=0.0, validator=share)
    """Share of units dropped behind every activation, while training."""
    last_dropout: float = attrs.field(default=0.0, validator=share)
    """The share in front of the last layer, in place of that."""
    momentum: float | None = attrs.field(
        default=None, validator=[optional(share), _has_momentum], metadata={LATER: None}
    )
    """With the optimizer momentum or nesterov: the part of the velocity that stays; by default 0.9."""

    @property
    def parts(self) -> Parts:
        """What the net is made of."""
        init = INITIALIZERS[self.initialization]
        return Parts(self.activation, init, self.batch_norm, self.dropout, self.last_dropout)


PIXELS: dict[str, Callable[[Array], Array]] = {
    "scaled": lambda x: x,
    "centred": data.centre,
    "binary": data.binarise,
    "inverted": lambda x: 1 - x,
}
LOSSES: dict[str, tuple[Loss, str]] = {
    "cross_entropy": (losses.softmax_cross_entropy, "cross-entropy, nats per example"),
    "squared_error": (one_hot.squared_error, "½ squared error"),
    "norm": (one_hot.norm_loss, "distance from the one-hot row"),
}
OF_PICTURES = {  # setting -> its default
    field.name: field.default for field in attrs.fields(class_folders.Config) if not hasattr(Settings, field.name)
}
SOURCES = {"digits": "digits.mat", "hanzi": "hanzi"}  # data set -> what it is called in `fnnet.runs.sources`
CLASSES = {"digits": tuple("1234567890"), "hanzi": tuple(data.HANZI)}


def experiment(name: str, settings: type[Config], net: Callable[[Any, int], Layer]) -> Experiment:
    """An experiment on pictures with labels.

    Args:
        name, settings: see `Experiment`.
        net: `(settings, classes) -> Layer`.
    """
    return Experiment(name, settings, None, partial(problem, net), kinds.classes(read, probabilities))


def problem(
    net: Callable[[Any, int], Layer], config: Config, directory: str | None, source: str | None = None
) -> Problem:
    """The net of some settings, and their data set."""
    found = _found(config, directory, source)
    (x, labels), change = found.train, PIXELS[config.pixels]
    if config.copies:
        few = partial(data.noise, dark=0.02, light=0.02)
        crop = partial(data.crop, size=x.shape[-1] * 11 // 14)
        key = rng.fold_in(rng.key(config.seed), "copies")
        x, labels = data.with_copies(key, x, labels, [few, data.shift, crop])
    part, rest = config.micro_batch or config.batch_size, len(x) % config.batch_size
    remainder: Literal["keep", "drop"] = "drop" if config.batch_norm and rest % part == 1 else "keep"
    steps = config.epochs * data.batch_count(len(x), config.batch_size, remainder)
    loss, words = LOSSES[config.loss]
    parts = {"test": found.test, "validation": found.validation}
    held = {name: None if part is None else (change(part[0]), part[1]) for name, part in parts.items()}
    return Problem(
        net=net(config, len(found.classes)),
        loss=loss,
        optimizer=optimizer(config, steps, **({} if config.momentum is None else {"momentum": config.momentum})),
        **{**attrs.asdict(found, recurse=False), **held, "train": (change(x), labels)},
        loss_words=words,
        augment=partial(moved, config.affine) if config.affine else None,
        remainder=remainder,  # batch norm has no statistics of one example
    )


def _found(config: Config, directory: str | None, source: str | None) -> Found:
    """The data set; where the data directory is "bundled", digits that ship with scikit-learn in its form."""
    if config.data_set == "pictures":
        return class_folders.found(config, directory)
    try:
        return _of_reports(config, directory, source)
    except MissingDataError as error:
        if directory is not None and class_folders.is_one(directory):
            error.message += f"; {directory} holds folders of pictures, it seems: say --data-set pictures"
        raise


def _of_reports(config: Config, directory: str | None, source: str | None) -> Found:
    """A data set that a report used.

    Raises:
        ConfigError: there are settings that say how pictures of one's own are read.
    """
    for name, usual in OF_PICTURES.items():
        if getattr(config, name) != usual:
            got = f"data_set {config.data_set}"
            raise ConfigError(expected(name, "data_set pictures with it, as it says how those are read", got))
    n, held = config.train_examples, config.validation_examples
    if config.data_set == "mnist":
        return datasets.digits(directory, n, source, held)
    name = SOURCES[config.data_set]
    bundled = directory == BUNDLED
    found = datasets.taken(
        sources.load(name, directory),
        BUNDLED_DIGITS if bundled else name,
        CLASSES[config.data_set],
        train_examples=n,
        validation_examples=held,
    )
    return attrs.evolve(found, data=BUNDLED) if bundled else found


def moved(strength: float, key: rng.Key, batch: tuple[Array, ...]) -> tuple[Array, ...]:
    """A batch whose pictures are changed at random; what comes in from outside is each picture's own ground."""
    x, *rest = batch
    edge = np.concatenate([x[..., 0, :], x[..., -1, :], x[..., :, 0], x[..., :, -1]], axis=-1)
    ground = np.median(edge, axis=-1)[..., None, None]
    found = data.affine(
        key,
        x - ground,
        rotation=12 * strength,
        scale=(1 - 0.15 * strength, 1 + 0.15 * strength),
        shear=10 * strength,
        translation=strength * x.shape[-1] / 14,
    )
    return found + ground, *rest


def read(word: pictures.Word, config: Config, shape: Shapes, names: tuple[str, ...]) -> tuple[Array, list[str]]:
    """A picture file as those of the data set were read; MNIST's ink is cut out and put in the middle."""
    if config.data_set == "pictures":
        x, done = class_folders.read(word, config, shape, names)
    else:
        framing = pictures.as_mnist if config.data_set == "mnist" and shape == (1, 28, 28) else pictures.whole
        x, done = pictures.read(word, shape, framing)
    return PIXELS[config.pixels](x[None])[0], done


def probabilities(config: Config, scores: Array) -> Array:
    """Of classes: what a softmax makes of scores, or where squares were fitted to 0 and 1 the outputs themselves."""
    if config.loss == "cross_entropy":
        return layers.softmax().apply((), scores)[0]
    return np.clip(scores, 0, 1)
