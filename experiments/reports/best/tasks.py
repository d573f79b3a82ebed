"""Training of the attempts to do better: Adam on images that are changed in every batch."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from typing import Any, Literal

import attrs
import numpy as np

from experiments.engine.study import OnProgress, Result
from experiments.reports import fit, nets, sources
from experiments.reports.r4.tasks import GRID, absolute_error
from fnnet import data, layers, losses, metrics, optim, rng, summary, training
from fnnet.initializers import xavier_normal
from fnnet.runs.descent import descended
from fnnet.runs.settings import SCHEDULES
from fnnet.runs.trainer import Examples
from fnnet.types import Array, Layer, Params

Set = Literal["mnist", "digits.mat", "hanzi"]


@attrs.frozen
class Config:
    """Settings of a search.

    Args:
        data: the data set.
        net: a name in `NETS`.
        strength: how much every batch is rotated, resized, sheared and shifted at random: 1 is `MOVES`, 0 not at all.
        elastic: how far every pixel is moved beside, with its neighbours: pixels, standard deviation.
        smoothing: of the labels: the share of the loss that all classes bear alike.
        dropout: in front of the last layer.
        test: train on all but the test set and test once; else train on a part and look at the rest, the validation.
    """

    data: Set
    net: str = "deep"
    strength: float = 1.0
    elastic: float = 0.0
    smoothing: float = 0.0
    batch_norm: bool = False
    dropout: float = 0.0
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


def _pairs(channels: Sequence[int], config: Config) -> Layer:
    """Two 3×3 convolutions of so many channels each, pool, and so on; at the end the mean over places."""
    pairs = [
        [*_block(config, layers.conv2d(n, 3, padding=1)), *_block(config, layers.conv2d(n, 3, padding=1))]
        for n in channels
    ]
    pools = [[layers.max_pool(2)]] * (len(channels) - 1) + [[layers.global_avg_pool()]]
    body = [part for pair, pool in zip(pairs, pools, strict=True) for part in (*pair, *pool)]
    return layers.serial(*body, *_ending(config, ())[1:])


NETS: dict[str, Callable[[Config], Layer]] = {
    "deep": _deep,
    "cnn": _cnn,
    "pairs": partial(_pairs, (16, 32, 56)),
}

# By how much images are changed at most: rotation, degrees; part of the size; shear, degrees; translation, pixels.
MOVES = {
    "mnist": (12.0, 0.15, 10.0, 2.0),
    "digits.mat": (12.0, 0.15, 10.0, 1.5),
    "hanzi": (12.0, 0.15, 10.0, 2.0),
}


def moved(config: Config, key: rng.Key, x: Array) -> Array:
    """Images changed at random."""
    if config.elastic:
        x = data.elastic(rng.fold_in(key, "elastic"), x, config.elastic)
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
    """Train, and look once, at the end: at the images as they are, and at the mean over `views` of each.

    With the figures goes what is misread in the views: `[image, said, truth]`.
    """
    examples, looked = arrays(config, directory)
    steps = config.epochs * data.batch_count(len(examples[1]), config.batch)
    rate = SCHEDULES[config.schedule](config.learning_rate, steps)
    rule = optim.adam(rate)
    model, loss = net(config), losses.with_options(losses.softmax_cross_entropy, smoothing=config.smoothing)
    made = fit.fit(model, loss, rule, seed, epochs(config, examples), config.epochs, tell, {}, examples=examples)
    if made.diverged:
        return made.broken_off()
    params, rows = made.state.params, made.rows
    x, labels = looked
    once = probabilities(model, params, x)
    viewed = np.mean([probabilities(model, params, view) for view in views(x)], axis=0)
    said = viewed.argmax(axis=1)
    ending = {
        "accuracy": metrics.accuracy(once, labels),
        "views_accuracy": metrics.accuracy(viewed, labels),
        "misread": [[int(i), int(said[i]), int(labels[i])] for i in np.flatnonzero(said != labels)],
        "images": len(labels),
        "loss": float(-np.log(np.maximum(once[np.arange(len(labels)), labels], 1e-30)).mean(dtype=np.float64)),
        "train_accuracy": rows[-1]["train_accuracy"],
        "parameters": summary.total(summary.summary(model, x.shape[1:])).parameters,
        "seconds_per_epoch": sum(row["seconds"] for row in rows) / len(rows),
    }
    return Result(rows, ending)


def probabilities(model: Layer, params: Params, x: Array) -> Array:
    """Of every class, for every image."""
    return layers.softmax().apply((), training.predict(model, params, x, 500))[0]


def views(x: Array) -> Iterator[Array]:
    """The images as they are and shifted by a pixel to all eight sides, each with its border repeated."""
    height, width = x.shape[-2:]
    wider = np.pad(x, [(0, 0)] * (x.ndim - 2) + [(1, 1)] * 2, mode="edge")
    for top, left in product(range(3), range(3)):
        yield np.ascontiguousarray(wider[..., top : top + height, left : left + width])


@attrs.frozen
class Sine:
    """Settings of the regression: 1-16-32-1 on 1,000 points of [-π, π], with Adam.

    Args:
        lbfgs: iterations of L-BFGS on all points, behind the epochs.
    """

    activation: str = "tanh"
    epochs: int = 800
    schedule: str = "cosine"
    learning_rate: float = 0.003
    batch: int = 16
    lbfgs: int = 0
    hidden: tuple[int, ...] = (16, 32)
    points: int = 1_000


def sine(config: Sine, seed: int, directory: str | None, tell: OnProgress) -> Result:
    """Fit sin on [-π, π]; look at it at 1,000 points held back, for validation, and on a grid of 401, for test.

    Points, and those held back, are the ones of `r4.tasks.sine` for the same seed.
    """
    model = nets.mlp(config.hidden, 1, config.activation, xavier_normal())
    x = rng.uniform(rng.fold_in(rng.key(seed), "points"), (config.points, 1), -np.pi, np.pi)
    examples = (x, np.sin(x))
    steps = config.epochs * data.batch_count(config.points, config.batch)
    rule = optim.adam(SCHEDULES[config.schedule](config.learning_rate, steps))
    loss, grid = losses.mean_squared_error, {"test": (GRID, np.sin(GRID))}
    every = max(1, config.epochs // 100)
    epoch = fit.shuffled(examples, config.batch)
    measured = {"error": absolute_error}
    found = fit.fit(model, loss, rule, seed, epoch, config.epochs, tell, grid, measured, every=every)
    looked = [row for row in found.rows if "test_error" in row]
    if found.diverged:
        return found._replace(rows=looked).broken_off()
    params = found.state.params
    if config.lbfgs:
        params = descended(model, *examples, config.lbfgs, params)
    held = rng.uniform(rng.fold_in(rng.key(seed), "validation"), (1_000, 1), -np.pi, np.pi)
    whole = model.apply(params, GRID)[0]
    ending = {
        "error": absolute_error(whole, np.sin(GRID)),
        "valid_error": absolute_error(model.apply(params, held)[0], np.sin(held)),
        "fit": whole[::4, 0].round(5).astype(float).tolist(),
    }
    return Result(looked, ending)
