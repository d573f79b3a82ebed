"""A vision transformer on MNIST: pictures as sequences of patches, of which each looks at all others."""

import attrs

from fnnet import zoo
from fnnet.errors import ConfigError, expected
from fnnet.runs.reading import reading
from fnnet.runs.settings import ScheduleName, Settings, at_least, positive
from fnnet.types import Layer


@attrs.frozen
class Config(Settings):
    """A small one of ViT-tiny's kind: few patches, narrow, shallow."""

    epochs: int = attrs.field(default=3, validator=at_least(1))
    """Times every example is seen; with patience, at most."""
    learning_rate: float = attrs.field(default=0.002, validator=positive)
    """The highest learning rate of the schedule."""
    schedule: ScheduleName = "one_cycle"
    """How the learning rate changes over the run, from step to step."""
    patch: int = attrs.field(default=7, validator=at_least(1))
    """Pixels on a side of a patch, a divisor of 28."""
    features: int = attrs.field(default=48, validator=at_least(1))
    """Numbers that describe a patch."""
    heads: int = attrs.field(default=4, validator=at_least(1))
    """Of attention, a divisor of the features."""
    depth: int = attrs.field(default=3, validator=at_least(1))
    """Transformer layers."""


def net(config: Config) -> Layer:
    """Pictures (1, 28, 28) to scores of ten classes.

    Raises:
        ConfigError: patches of that size leave pixels over, or the heads do not divide the features.
    """
    if 28 % config.patch:
        raise ConfigError(expected("patch", "a divisor of 28", config.patch))
    return zoo.vit(10, patch=config.patch, features=config.features, heads=config.heads, depth=config.depth)


EXPERIMENT = reading("vit", Config, net)
