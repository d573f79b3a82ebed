"""The net that fits a sine best."""

import attrs

from fnnet.runs import sine
from fnnet.runs.experiment import Experiment
from fnnet.runs.nets import ActivationName
from fnnet.runs.settings import LATER, InitializationName, OptimizerName, ScheduleName, optional, positive


@attrs.frozen
class Config(sine.Config):
    """The choice of the search on the sine: Adam along a cosine, with tanh, then L-BFGS on all points."""

    optimizer: OptimizerName = "adam"
    """The update rule."""
    learning_rate: float | None = attrs.field(default=0.01, validator=optional(positive))
    """The highest learning rate of the schedule; None for one that suits the optimizer."""
    schedule: ScheduleName = "cosine"
    """How the learning rate changes over the run, from step to step."""
    initialization: InitializationName = "xavier"
    """Distribution of the first weights; biases start at zero."""
    activation: ActivationName = "tanh"
    """Behind every hidden layer."""
    lbfgs: int = attrs.field(default=300, validator=sine.descends, metadata={LATER: 0})
    """Steps of L-BFGS on all training points, in float64, behind the last epoch; 0 for none."""


EXPERIMENT = Experiment("best-sine", Config, sine.net, sine.problem, sine.EXPERIMENT.answers)
