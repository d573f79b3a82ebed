"""The net that reads the twelve characters best: R4's CNN on pictures that move more."""

import attrs

from fnnet.runs import cnn, labelled
from fnnet.runs.labelled import DataSetName, strength
from fnnet.runs.settings import ScheduleName, at_least, optional, positive


@attrs.frozen
class Config(cnn.Config):
    """The choice of the search on hanzi: the CNN of the fourth report, its batches changed half again as much."""

    epochs: int = attrs.field(default=40, validator=at_least(1))
    """Times every picture is seen; with patience, at most."""
    learning_rate: float | None = attrs.field(default=0.003, validator=optional(positive))
    """The highest learning rate of the schedule."""
    schedule: ScheduleName = "one_cycle"
    """How the learning rate changes over the run, from step to step."""
    affine: float = attrs.field(default=1.5, validator=strength)
    """Rotate, resize, shear and shift every batch at random by so much; 0 not at all."""
    data_set: DataSetName = "hanzi"
    """See `labelled.Config`."""


EXPERIMENT = labelled.experiment("best-hanzi", Config, cnn.net)
