"""The net that reads the digits of digits.mat best: that of MNIST, for longer."""

import attrs

from fnnet.runs import cnn, labelled
from fnnet.runs.best import mnist
from fnnet.runs.labelled import DataSetName
from fnnet.runs.settings import at_least


@attrs.frozen
class Config(mnist.Config):
    """The choice of the search on digits.mat: 3×3 convolutions two by two, 16, 32 and 56 channels, with batch norm."""

    epochs: int = attrs.field(default=40, validator=at_least(1))
    """Times every picture is seen; with patience, at most."""
    data_set: DataSetName = "digits"
    """See `labelled.Config`."""


EXPERIMENT = labelled.experiment("best-digits", Config, cnn.net)
