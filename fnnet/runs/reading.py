"""Reading digits: the experiment of every net that says which digit a picture of MNIST's shows."""

from collections.abc import Callable
from typing import Any

import attrs

from fnnet import losses
from fnnet.data import batch_count
from fnnet.runs import pictures
from fnnet.runs.datasets import digits
from fnnet.runs.experiment import Experiment, Problem
from fnnet.runs.kinds import classes
from fnnet.runs.settings import Settings, optimizer
from fnnet.types import Array, Layer, Shapes


def reading(name: str, settings: type[Settings], net: Callable[[Any], Layer]) -> Experiment:
    """The experiment of a net that reads digits.

    Args:
        name: as on the command line.
        settings: of the training and of the net.
        net: `settings -> Layer`, pictures (1, 28, 28) to scores of ten classes.
    """

    def problem(config: Any, data: str | None, source: str | None = None) -> Problem:
        """The net, and MNIST or what stands in for it unless `source` is MNIST, pixels in [0, 1]."""
        found = digits(data, config.train_examples, source, config.validation_examples)
        steps = config.epochs * batch_count(len(found.train[0]), config.batch_size)
        return Problem(
            net=net(config),
            loss=losses.softmax_cross_entropy,
            optimizer=optimizer(config, steps),
            **attrs.asdict(found, recurse=False),
        )

    return Experiment(name, settings, net, problem, classes(read))


def read(word: pictures.Word, config: object, shape: Shapes, names: tuple[str, ...]) -> tuple[Array, list[str]]:
    """A picture file as MNIST's digits were made, its ink cut out and put in the middle; ink 1 on 0."""
    return pictures.read(word, shape, pictures.as_mnist if shape == (1, 28, 28) else pictures.whole)
