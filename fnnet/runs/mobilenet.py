"""MobileNet on MNIST: convolutions of one channel each, and 1×1 convolutions between."""

import attrs

from fnnet import zoo
from fnnet.runs.reading import reading
from fnnet.runs.settings import ScheduleName, Settings, at_least, positive
from fnnet.types import Layer


@attrs.frozen
class Config(Settings):
    """MobileNet with few channels, for small pictures."""

    epochs: int = attrs.field(default=6, validator=at_least(1))
    """Times every example is seen; with patience, at most."""
    batch_size: int = attrs.field(default=128, validator=at_least(1))
    """Examples in a step; the last batch of an epoch may be short."""
    learning_rate: float = attrs.field(default=0.01, validator=positive)
    """The highest learning rate of the schedule."""
    schedule: ScheduleName = "one_cycle"
    """How the learning rate changes over the run, from step to step."""
    width: float = attrs.field(default=0.25, validator=positive)
    """Times so many channels as the paper's net has, its α."""


def net(config: Config) -> Layer:
    """Pictures (1, 28, 28) to scores of ten classes."""
    return zoo.mobilenet_v1(10, width=config.width)


EXPERIMENT = reading("mobilenet", Config, net)
