"""Training of the attempts to do better: Adam on images that are changed in every batch."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import attrs
import numpy as np

from experiments.engine.study import OnProgress, Result
from experiments.reports import fit, sources
from fnnet import data, layers, losses, optim, rng, summary, training
from fnnet.runs.settings import SCHEDULES
from fnnet.runs.trainer import ACCURACY, Examples
from fnnet.types import Array, Layer

Set = Literal["mnist", "digits.mat", "hanzi"]


@attrs.frozen
class Config:
    """Settings of a search.

    Args:
        data: the data set.
        net: a name in `NETS`.
        strength: how much every batch is rotated, resized, sheared and shifted at random: 1 is `MOVES`, 0 not at all.
        decay: decoupled weight decay; 0 is Adam.
        dropout: in front of the last layer.
        test: train on all but the test set and test once; else train on a part and look at the rest, the validation.
    """

    data: Set
    net: str = "lenet5"
    strength: float = 1.0
    batch_norm: bool = False
    dropout: float = 0.0
    decay: float = 0.0
    learning_rate: float = 0.003
    schedule: str = "one_cycle"
    batch: int = 64
    epochs: int = 30
    test: bool = False
    examples: int = 60_000


CLASSES = {"mnist": 10, "digits.mat": 10, "hanzi": 12}


def _block(config: Config, learned: Layer, *after: Layer) -> list[Layer]:
    return [learned, *([layers.batch_norm()] if config.batch_norm else []), *after, layers.relu()]


def _ending(config: Config, units: Sequence[int]) -> list[Layer]:
    hidden = [part for n in units for part in _block(config, layers.dense(n))]
    drop = [layers.dropout(config.dropout)] if config.dropout else []
    return [layers.flatten(), *hidden, *drop, layers.dense(CLASSES[config.data])]


def _lenet5(config: Config) -> Layer:
    return layers.serial(
        *_block(config, layers.conv2d(6, 5), layers.max_pool(2)),
        *_block(config, layers.conv2d(16, 5), layers.max_pool(2)),
        *_ending(config, (120, 84)),
    )


def _wide(config: Config) -> Layer:
    return layers.serial(
        *_block(config, layers.conv2d(16, 5), layers.max_pool(2)),
        *_block(config, layers.conv2d(32, 5), layers.max_pool(2)),
        *_ending(config, (96,)),
    )


def _deep(config: Config) -> Layer:
    return layers.serial(
        *_block(config, layers.conv2d(16, 5), layers.max_pool(2)),
        *_block(config, layers.conv2d(40, 3)),
        *_block(config, layers.conv2d(40, 3), layers.max_pool(2)),
        *_ending(config, (64,)),
    )


def _cnn(config: Config) -> Layer:
    return layers.serial(
        *_block(config, layers.conv2d(32, 3, padding=1), layers.max_pool(2)),
        *_block(config, layers.conv2d(64, 3, padding=1), layers.max_pool(2)),
        *_ending(config, (128,)),
    )


NETS = {"lenet5": _lenet5, "wide": _wide, "deep": _deep, "cnn": _cnn}

# By how much images are changed at most: rotation, degrees; part of the size; shear, degrees; translation, pixels.
MOVES = {
    "mnist": (12.0, 0.15, 10.0, 2.0),
    "digits.mat": (12.0, 0.15, 10.0, 1.5),
    "hanzi": (12.0, 0.15, 10.0, 2.0),
}


def moved(config: Config, key: rng.Key, x: Array) -> Array:
    """Images changed at random."""
    if not config.strength:
        return x
    rotation, scale, shear, translation = (config.strength * most for most in MOVES[config.data])
    return data.affine(key, x, rotation=rotation, scale=(1 - scale, 1 + scale), shear=shear, translation=translation)


def net(config: Config) -> Layer:
    """The net of a setting."""
    return NETS[config.net](config)


def arrays(config: Config, directory: str | None) -> tuple[Examples, Examples]:
    """What is trained on and what is looked at. The test set is touched only if the setting says so."""
    found = sources.load(config.data, directory)
    cut = slice(config.examples)
    images, labels = found.train
    if found.valid is not None:
        if config.test:
            images, labels = np.concatenate([images, found.valid.images]), np.concatenate([labels, found.valid.labels])
        else:
            return _scaled(images[cut], labels[cut]), _scaled(*found.valid)
    if config.test:
        return _scaled(images[cut], labels[cut]), _scaled(*found.test)
    held, rest = data.split_per_class(rng.fold_in(rng.key(0), "validation"), labels, HELD[config.data](labels))
    rest = rest[cut]
    return _scaled(images[rest], labels[rest]), _scaled(images[held], labels[held])


HELD: dict[str, Any] = {
    "mnist": lambda labels: min(500, len(labels) // 40),
    "hanzi": lambda labels: min(100, len(labels) // 60),
}


def _scaled(images: Array, labels: Array) -> Examples:
    return data.scale(images), labels


def epochs(config: Config, examples: Examples) -> fit.Epoch:
    """Shuffled batches, every one changed anew."""

    def epoch(key: rng.Key) -> Iterator[Examples]:
        affine = rng.fold_in(key, "affine")
        for i, (x, labels) in enumerate(data.batches(key, examples, config.batch)):
            yield moved(config, rng.fold_in(affine, i), x), labels

    return epoch


def train(config: Config, seed: int, directory: str | None, tell: OnProgress) -> Result:
    """Train, and look once, at the end."""
    examples, looked = arrays(config, directory)
    steps = config.epochs * data.batch_count(len(examples[1]), config.batch)
    rate = SCHEDULES[config.schedule](config.learning_rate, steps)
    rule = optim.adamw(rate, weight_decay=config.decay, where=optim.is_weight) if config.decay else optim.adam(rate)
    model, loss = net(config), losses.softmax_cross_entropy
    done = fit.fit(model, loss, rule, seed, epochs(config, examples), config.epochs, tell, {}, examples=examples)
    if done.diverged:
        return done.broken_off()
    state, rows = done.state, done.rows
    final_look = training.evaluate(model, state.params, looked, ACCURACY, loss, 500)
    shape = examples[0].shape[1:]
    ending = {
        "accuracy": final_look["accuracy"],
        "loss": final_look["loss"],
        "train_accuracy": rows[-1]["train_accuracy"],
        "parameters": summary.total(summary.summary(model, shape)).parameters,
        "seconds_per_epoch": sum(row["seconds"] for row in rows) / len(rows),
    }
    return Result(rows, ending)
