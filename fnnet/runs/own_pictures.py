"""Your own pictures: a net of LeNet-5's kind on a folder that holds a folder for each class."""

import attrs

from fnnet import data, losses
from fnnet.runs import class_folders, kinds, lenet5
from fnnet.runs.experiment import Experiment, Problem
from fnnet.runs.settings import at_least, optimizer


@attrs.frozen
class Config(lenet5.Config, class_folders.Config):
    """A net of LeNet-5's kind, its last layer as wide as there are classes, on pictures brought to one size."""

    epochs: int = attrs.field(default=30, validator=at_least(1))
    """Times every picture is seen; with patience, at most."""
    batch_size: int = attrs.field(default=32, validator=at_least(1))
    """Pictures in a step; the last batch of an epoch may be short."""


def problem(config: Config, folder: str | None, source: str | None = None) -> Problem:
    """The net, and the pictures of a folder, in [0, 1]."""
    found = class_folders.found(config, folder)
    return Problem(
        net=lenet5.net(config, len(found.classes)),
        loss=losses.softmax_cross_entropy,
        optimizer=optimizer(config, config.epochs * data.batch_count(len(found.train[0]), config.batch_size)),
        **attrs.asdict(found, recurse=False),
    )


EXPERIMENT = Experiment("pictures", Config, None, problem, kinds.classes(class_folders.read))
