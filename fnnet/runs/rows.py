"""A digit read row by row, from top to bottom, by an LSTM: MNIST as sequences of 28 steps."""

import attrs

from fnnet import layers
from fnnet.runs.reading import reading
from fnnet.runs.settings import Settings, at_least, positive
from fnnet.types import Layer


@attrs.frozen
class Config(Settings):
    """An LSTM over the rows of a digit; what it holds after the last one says which digit it was."""

    epochs: int = attrs.field(default=4, validator=at_least(1))
    """Times every example is seen; with patience, at most."""
    batch_size: int = attrs.field(default=128, validator=at_least(1))
    """Examples in a step; the last batch of an epoch may be short."""
    learning_rate: float = attrs.field(default=0.004, validator=positive)
    """The highest learning rate of the schedule."""
    features: int = attrs.field(default=128, validator=at_least(1))
    """Numbers that the LSTM shows after every row, and as many that it keeps to itself."""


def net(config: Config) -> Layer:
    """Pictures (1, 28, 28) to scores of ten classes, by way of (28 rows, 28 pixels)."""
    return layers.serial(layers.reshape((28, 28)), layers.lstm(config.features), layers.last(), layers.dense(10))


EXPERIMENT = reading("rows", Config, net)
