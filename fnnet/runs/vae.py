"""A variational autoencoder: MNIST's digits out of a few normally distributed numbers."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from fnnet import layers, losses, rng, training, zoo
from fnnet.data import batch_count
from fnnet.runs import kinds, pictures, plots
from fnnet.runs.answers import Figure, Look, Section, together
from fnnet.runs.datasets import digits, paired
from fnnet.runs.experiment import Experiment, Problem
from fnnet.runs.measure import Measure
from fnnet.runs.settings import Settings, at_least, optimizer, positive
from fnnet.types import Array, Layer, Shapes

_KEY = rng.fold_in(rng.key(0), "vae")  # the pictures in black and white are the same whatever the seed of the run
SHAPE = (1, 28, 28)
WALKS, STEPS = 5, 10  # from one code to another, and pictures on the way


@attrs.frozen
class Config(Settings):
    """The net of Kingma and Welling, with one layer of units, ReLU, on the way to the code and one on the way back."""

    epochs: int = attrs.field(default=6, validator=at_least(1))
    """Times every example is seen; with patience, at most."""
    batch_size: int = attrs.field(default=100, validator=at_least(1))
    """Examples in a step; the last batch of an epoch may be short."""
    learning_rate: float = attrs.field(default=0.002, validator=positive)
    """The highest learning rate of the schedule."""
    hidden: int = attrs.field(default=256, validator=at_least(1))
    """Units on the way to the code, and on the way back."""
    code: int = attrs.field(default=20, validator=at_least(1))
    """Numbers of the code."""


def net(config: Config) -> Layer:
    """Pictures (1, 28, 28) to logits (784,) of their pixels, and mean and log-variance (code,) of their code."""
    return layers.serial(
        layers.flatten(),
        zoo.variational_autoencoder(784, hidden=config.hidden, code=config.code, activation=layers.relu()),
    )


def black_and_white(key: rng.Key, x: Array) -> Array:
    """Pictures of zeros and ones, each pixel 1 with its brightness as probability.

    So figures in nats compare with those of others, of Salakhutdinov and Murray 2008 and later.

    >>> black_and_white(rng.key(0), np.float32([[0.0, 1.0]])).tolist()
    [[0.0, 1.0]]
    """
    return (rng.uniform(key, x.shape) < x).astype(np.float32)


def negative_elbo(predictions: Any, target: Array) -> float:
    """The negative evidence lower bound, the mean over pictures, in nats."""
    return float(losses.negative_elbo(predictions, target)[0])


def divergence(predictions: Any, target: Array) -> float:
    """The part of it that says how far the codes' distributions are from the standard normal one."""
    _, mean, log_variance = predictions
    nothing = np.zeros((len(mean), 1), mean.dtype)  # a pixel of probability ½ costs log 2 and no more
    return float(losses.negative_elbo((nothing, mean, log_variance), nothing)[0]) - math.log(2)


def problem(config: Config, data: str | None, source: str | None = None) -> Problem:
    """The net, and MNIST or what stands in for it unless `source` is MNIST, made black and white by a fixed key."""

    def pair(part: str, pixels: Array) -> tuple[Array, Array]:
        x = black_and_white(rng.fold_in(_KEY, part), pixels)
        return x, x.reshape(len(x), -1)

    found = paired(digits(data, config.train_examples, source, config.validation_examples), pair)
    made = net(config)
    return Problem(
        net=made,
        evaluated=made.train(rng.fold_in(_KEY, "codes")),  # the bound is of codes that are drawn; alike in every batch
        loss=losses.negative_elbo,
        optimizer=optimizer(config, config.epochs * batch_count(len(found.train[0]), config.batch_size)),
        loss_words="negative bound, nats per picture",
        **attrs.asdict(found, recurse=False),
    )


def decoded(look: Look, codes: Array) -> Array:
    """The pictures of codes (N, code): how bright each pixel is said to be."""
    autoencoder, params = look.problem.net["graph_0"], look.params.graph_0
    return as_pictures(autoencoder["decoder"].apply(params.decoder, codes)[0])


def as_pictures(logits: Array) -> Array:
    """Probabilities of pixels, from logits (N, 784)."""
    return layers.sigmoid().apply((), logits)[0].reshape(-1, *SHAPE)


def drawn(look: Look, key: rng.Key, count: int) -> Array:
    """Pictures of codes that are drawn from the standard normal distribution."""
    return decoded(look, rng.normal(key, (count, look.settings.code)))


def walks(look: Look) -> Iterator[Section]:
    """From the code of one test picture to that of another, in a straight line."""
    x = look.problem.test[0][: 2 * WALKS]
    _, mean, _ = training.predict(look.problem.net, look.params, x)
    along = np.linspace(0, 1, STEPS, dtype=np.float32)[:, None]
    lines = {f"walk {i}": decoded(look, (1 - along) * mean[2 * i] + along * mean[2 * i + 1]) for i in range(WALKS)}
    said = "Pictures of the codes on straight lines, from the code of one test picture to that of another."
    figure = Figure("walks.png", "Walks from one code to another", plots.picture_rows(lines, named=False))
    yield Section("Walks among the codes", [said], [figure])


def read(word: str, config: Config, shape: Shapes, names: tuple[str, ...]) -> tuple[Array, list[str]]:
    """A picture file as MNIST's digits were made, its grey pixels as they are."""
    return pictures.read(Path(word), shape, pictures.as_mnist)


EXPERIMENT = Experiment(
    "vae",
    Config,
    net,
    problem,
    kinds.pictures(
        read,
        Measure("negative_ELBO", negative_elbo, digits=2, unit="nats"),
        Measure("divergence", divergence, digits=2, unit="nats"),
        views=kinds.Views(
            output=lambda predictions: as_pictures(predictions[0]), target=lambda pixels: pixels.reshape(-1, *SHAPE)
        ),
        also=together(kinds.samples(drawn), walks),
    ),
)
