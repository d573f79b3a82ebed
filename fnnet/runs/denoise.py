"""A denoising autoencoder: MNIST's digits out of noise."""

from collections.abc import Iterator
from pathlib import Path

import attrs
import numpy as np

from fnnet import layers, losses, rng
from fnnet.data import batch_count
from fnnet.runs import kinds, pictures
from fnnet.runs.answers import Look, Section
from fnnet.runs.datasets import digits, paired
from fnnet.runs.experiment import Experiment, Problem
from fnnet.runs.markdown import table
from fnnet.runs.measure import Measure
from fnnet.runs.settings import Settings, at_least, optimizer, positive
from fnnet.types import Array, Layer, Shapes

_KEY = rng.fold_in(rng.key(0), "denoise")  # the noise is that of the pictures, whatever the seed of the run


@attrs.frozen
class Config(Settings):
    """Convolutions down to 7 × 7 pixels and up again, trained to give back what lies under the noise."""

    epochs: int = attrs.field(default=2, validator=at_least(1))
    """Times every example is seen; with patience, at most."""
    noise: float = attrs.field(default=0.5, validator=positive)
    """Standard deviation of what is added to every pixel, which was from 0 to 1."""
    channels: int = attrs.field(default=8, validator=at_least(1))
    """Of the pictures at full size; twice and four times as many at half and a quarter of it."""


def net(config: Config) -> Layer:
    """Pictures (1, 28, 28) to such pictures."""
    c = config.channels
    return layers.serial(
        layers.conv2d(c, 3, padding=1),
        layers.relu(),
        layers.conv2d(2 * c, 3, stride=2, padding=1),
        layers.relu(),
        layers.conv2d(4 * c, 3, stride=2, padding=1),
        layers.relu(),
        layers.conv_transpose2d(2 * c, 2, stride=2),
        layers.relu(),
        layers.conv_transpose2d(c, 2, stride=2),
        layers.relu(),
        layers.conv2d(1, 3, padding=1),
    )


def noisy(key: rng.Key, x: Array, deviation: float) -> Array:
    """Pictures with normal noise on every pixel, what then lies outside [0, 1] brought to its ends.

    >>> noisy(rng.key(0), np.full((1, 1, 2, 2), 0.5, np.float32), 1e-9).tolist()
    [[[[0.5, 0.5], [0.5, 0.5]]]]
    """
    return np.clip(x + np.float32(deviation) * rng.normal(key, x.shape), 0, 1)


def psnr(predictions: Array, target: Array) -> float:
    """The peak signal-to-noise ratio in decibels, the mean over pictures (N, …).

        10 log₁₀ (1 / mean squared error),    at most 100

    Predictions are brought into [0, 1] first, as they would be to be shown.

    >>> round(psnr(np.full((1, 1, 2, 2), 0.1), np.zeros((1, 1, 2, 2))), 4)
    20.0
    """
    error = np.clip(predictions, 0, 1) - target
    squared = np.square(error, dtype=np.float64).mean(axis=tuple(range(1, error.ndim)))
    return float(-10 * np.log10(np.maximum(squared, 1e-10)).mean())


PSNR = Measure("PSNR", psnr, digits=2, unit="dB")


def problem(config: Config, data: str | None, source: str | None = None) -> Problem:
    """The net, and MNIST or what stands in for it unless `source` is MNIST, with noise drawn by a fixed key."""

    def pair(part: str, x: Array) -> tuple[Array, Array]:
        return noisy(rng.fold_in(_KEY, part), x, config.noise), x

    found = paired(digits(data, config.train_examples, source, config.validation_examples), pair)
    return Problem(
        net=net(config),
        loss=losses.mean_squared_error,
        optimizer=optimizer(config, config.epochs * batch_count(len(found.train[0]), config.batch_size)),
        loss_words="mean squared error",
        **attrs.asdict(found, recurse=False),
    )


def read(word: str, config: Config, shape: Shapes, names: tuple[str, ...]) -> tuple[Array, list[str]]:
    """A whole picture file, noise and all."""
    return pictures.read(Path(word), shape, pictures.whole)


def _before_and_after(look: Look) -> Iterator[Section]:
    x, target = look.problem.test
    found = look.results["test"]
    rows = [
        ["as they are read", PSNR.text(psnr(x, target)), f"{losses.mean_squared_error(x, target)[0]:.5f}"],
        ["as the net makes them", PSNR.text(found["PSNR"]), f"{found['loss']:.5f}"],
    ]
    yield Section("Before and after", [table(["test pictures", "PSNR", "mean squared error"], rows, " rr")])


EXPERIMENT = Experiment("denoise", Config, net, problem, kinds.pictures(read, PSNR, also=_before_and_after))
