"""A sine: numbers in, numbers out, as in R4."""

from functools import partial

import attrs
import numpy as np

from fnnet import data, losses, rng
from fnnet.arguments import whole
from fnnet.errors import ConfigError, expected
from fnnet.runs.descent import descended
from fnnet.runs.experiment import Ending, Experiment, Problem
from fnnet.runs.facts import array_digest
from fnnet.runs.kinds import numbers
from fnnet.runs.nets import ActivationName, Parts, perceptron
from fnnet.runs.settings import (
    INITIALIZERS,
    LATER,
    InitializationName,
    OptimizerName,
    ScheduleName,
    Settings,
    at_least,
    optimizer,
    optional,
    positive,
    sizes,
)
from fnnet.types import Array, Layer
from fnnet.words import counted

POINTS = 1_000
GRID = np.linspace(-np.pi, np.pi, 401, dtype=np.float32)[:, None]


def descends(config: "Config", _: object, value: int) -> None:
    """An attrs validator: a whole number ≥ 0 of steps, which go down by the loss alone."""
    whole("lbfgs", value, 0)
    if value and config.l2:
        raise ConfigError(expected("lbfgs", "l2 0 with it, as L-BFGS has no penalty", config.l2, "or say --lbfgs 0"))


@attrs.frozen
class Config(Settings):
    """A perceptron on points of a sine; by default the training of the fourth course report (R4)."""

    epochs: int = attrs.field(default=800, validator=at_least(1))
    """Times every point is seen; with patience, at most."""
    batch_size: int = attrs.field(default=16, validator=at_least(1))
    """Points in a step; the last batch of an epoch may be short."""
    optimizer: OptimizerName = "sgd"
    """The update rule."""
    learning_rate: float | None = attrs.field(default=0.01, validator=optional(positive))
    """The highest learning rate of the schedule; None for one that suits the optimizer."""
    schedule: ScheduleName = "constant"
    """How the learning rate changes over the run, from step to step."""
    train_examples: int | None = attrs.field(default=POINTS, validator=optional(at_least(1)))
    """Points drawn from [-π, π]; None for 1,000. Those of the test are a grid of 401."""
    initialization: InitializationName = "he"
    """Distribution of the first weights; biases start at zero."""
    hidden: tuple[int, ...] = attrs.field(default=(16, 32), validator=sizes)
    """Units of the hidden layers."""
    activation: ActivationName = "leaky_relu"
    """Behind every hidden layer."""
    lbfgs: int = attrs.field(default=0, validator=descends, metadata={LATER: 0})
    """Steps of L-BFGS on all training points, in float64, behind the last epoch; 0 for none."""


def net(config: Config) -> Layer:
    """One number to one, through hidden layers."""
    return perceptron(config.hidden, 1, Parts(config.activation, INITIALIZERS[config.initialization]))


def problem(config: Config, directory: str | None, source: str | None = None) -> Problem:
    """Points of a sine, drawn by the seed; no data directory is needed."""
    count = config.train_examples or POINTS
    n = count - config.validation_examples
    if n < 1:
        raise ConfigError(expected("validation_examples", f"fewer than the {count:,} points", f"{count - n:,}"))
    x = rng.uniform(rng.fold_in(rng.key(config.seed), "points"), (count, 1), -np.pi, np.pi)
    y, made = np.sin(x), net(config)
    return Problem(
        net=made,
        loss=losses.mean_squared_error,
        optimizer=optimizer(config, config.epochs * data.batch_count(n, config.batch_size)),
        train=(x[:n], y[:n]),
        test=(GRID, np.sin(GRID)),
        classes=(),
        source="a sine",
        digests={"train x": array_digest(x)},
        validation=(x[n:], y[n:]) if config.validation_examples else None,
        loss_words="mean squared error",
        ending=_ending(config, made, x[:n]) if config.lbfgs else None,
    )


def _ending(config: Config, net: Layer, x: Array) -> Ending:
    words = f"L-BFGS on all training points ({counted(config.lbfgs, 'step')} at most)"
    return Ending(words, partial(descended, net, x, np.sin(x), config.lbfgs))


EXPERIMENT = Experiment("sine", Config, net, problem, numbers(np.sin))
