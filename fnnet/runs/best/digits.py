"""The net that reads the digits of digits.mat best: R4's CNN with dropout."""

import attrs

from fnnet.runs import cnn, labelled
from fnnet.runs.labelled import DataSetName, strength
from fnnet.runs.settings import ScheduleName, at_least, optional, positive, share


@attrs.frozen
class Config(cnn.Config):
    """The choice of the search on digits.mat: the CNN of the fourth report with dropout in front of its last layer."""

    epochs: int = attrs.field(default=60, validator=at_least(1))
    """Times every picture is seen; with patience, at most."""
    learning_rate: float | None = attrs.field(default=0.003, validator=optional(positive))
    """The highest learning rate of the schedule."""
    schedule: ScheduleName = "one_cycle"
    """How the learning rate changes over the run, from step to step."""
    affine: float = attrs.field(default=1.0, validator=strength)
    """Rotate, resize, shear and shift every batch at random by so much; 0 not at all."""
    data_set: DataSetName = "digits"
    """See `labelled.Config`."""
    last_dropout: float = attrs.field(default=0.5, validator=share)
    """Share of units dropped in front of the last layer, while training."""


EXPERIMENT = labelled.experiment("best-digits", Config, cnn.net)
