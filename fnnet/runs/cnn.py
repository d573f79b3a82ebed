"""Convolutional nets on pictures, as in R4; by other words R1's, R2's, R3's and the best ones."""

import attrs

from fnnet.runs import labelled
from fnnet.runs.nets import PaddingName, PoolName, convolutional, words
from fnnet.runs.settings import sizes
from fnnet.types import Layer


@attrs.frozen
class Config(labelled.Config):
    """A convolutional net; by default that of the fourth course report (R4).

    Its residual net is `--convolutions 32@3 64@3 pool4 --residual --batch-norm --pool average`.
    """

    convolutions: tuple[str, ...] = attrs.field(default=("32@3", "pool", "64@3", "pool"), validator=words)
    """In order: CHANNELS@KERNEL, or CHANNELS@KERNEL+ZEROS on each side; pool for a pool of 2×2, or poolSIZE; mean, at
    the end, for each channel's mean over all places."""
    hidden: tuple[int, ...] = attrs.field(default=(128,), validator=sizes)
    """Units of the hidden dense layers behind them."""
    pool: PoolName = "max"
    """The greatest of each window, its mean, or its sum with a gain and a bias that are learned (LeNet-5, 1998)."""
    padding: PaddingName = "same"
    """Whether convolutions keep the size, by zeros around the picture."""
    residual: bool = False
    """Convolutions without a pool between them are a block around which its input is added to its output."""


def net(config: Config, outputs: int) -> Layer:
    """The convolutional net of some settings."""
    return convolutional(
        config.convolutions,
        config.hidden,
        outputs,
        config.parts,
        pool=config.pool,
        padding=config.padding,
        residual=config.residual,
    )


EXPERIMENT = labelled.experiment("cnn", Config, net)
