"""The net that reads MNIST best: three convolutions with batch norm."""

import attrs

from fnnet.runs import cnn, labelled
from fnnet.runs.labelled import strength
from fnnet.runs.nets import PaddingName, words
from fnnet.runs.settings import ScheduleName, at_least, optional, positive, sizes


@attrs.frozen
class Config(cnn.Config):
    """The choice of the search on MNIST: 16@5×5, pool, 40@3×3, 40@3×3, pool, 64 units, with batch norm."""

    epochs: int = attrs.field(default=30, validator=at_least(1))
    """Times every picture is seen; with patience, at most."""
    learning_rate: float | None = attrs.field(default=0.003, validator=optional(positive))
    """The highest learning rate of the schedule."""
    schedule: ScheduleName = "one_cycle"
    """How the learning rate changes over the run, from step to step."""
    affine: float = attrs.field(default=1.0, validator=strength)
    """Rotate, resize, shear and shift every batch at random by so much; 0 not at all."""
    convolutions: tuple[str, ...] = attrs.field(default=("16@5", "pool", "40@3", "40@3", "pool"), validator=words)
    """In order: CHANNELS@KERNEL, or CHANNELS@KERNEL+ZEROS on each side; pool for a pool of 2×2, or poolSIZE; mean, at
    the end, for each channel's mean over all places."""
    hidden: tuple[int, ...] = attrs.field(default=(64,), validator=sizes)
    """Units of the hidden dense layers behind them."""
    padding: PaddingName = "none"
    """Whether convolutions keep the size, by zeros around the picture."""
    batch_norm: bool = True
    """Batch norm in front of every activation."""


EXPERIMENT = labelled.experiment("best-mnist", Config, cnn.net)
