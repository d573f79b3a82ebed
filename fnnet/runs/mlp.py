"""Perceptrons on pictures, as in R1, R3 and R4."""

import attrs

from fnnet.runs import labelled
from fnnet.runs.nets import perceptron
from fnnet.runs.settings import LATER
from fnnet.types import Layer


@attrs.frozen
class Config(labelled.Config):
    """A perceptron; by default the 256 and 128 hidden units of the first course report (R1).

    Its own training was near `--train-examples 10000 --pixels binary --optimizer sgd --learning-rate 0.01 --schedule
    constant --batch-size 32 --epochs 20 --initialization xavier`, that of the third (R3) near `--data-set digits
    --hidden 64 --pixels centred`, that of the fourth (R4) near `--data-set hanzi --activation leaky_relu`.
    """

    every_bias: bool = attrs.field(default=True, metadata={LATER: True})
    """A bias in every layer; else in the first alone."""


def net(config: Config, outputs: int) -> Layer:
    """The perceptron of some settings."""
    return perceptron(config.hidden, outputs, config.parts, every_bias=config.every_bias)


EXPERIMENT = labelled.experiment("mlp", Config, net)
