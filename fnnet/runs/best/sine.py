"""The net that fits a sine best."""

import attrs

from fnnet.runs import sine
from fnnet.runs.experiment import Experiment
from fnnet.runs.nets import ActivationName
from fnnet.runs.settings import OptimizerName, ScheduleName, optional, positive


@attrs.frozen
class Config(sine.Config):
    """The choice of the search on the sine: Adam along a cosine, with tanh."""

    optimizer: OptimizerName = "adam"
    """The update rule."""
    learning_rate: float | None = attrs.field(default=0.003, validator=optional(positive))
    """The highest learning rate of the schedule; None for one that suits the optimizer."""
    schedule: ScheduleName = "cosine"
    """How the learning rate changes over the run, from step to step."""
    activation: ActivationName = "tanh"
    """Behind every hidden layer."""


EXPERIMENT = Experiment("best-sine", Config, sine.net, sine.problem, sine.EXPERIMENT.answers)
