"""What an experiment is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from fnnet.losses import Loss
from fnnet.runs.settings import Settings
from fnnet.types import Array, Layer, Optimizer, Shape, Shapes


@attrs.frozen(eq=False)
class Problem:
    """Everything a run trains on and with, made from settings and data.

    Args:
        net, loss, optimizer: see `fnnet.training.make_step`.
        train, test: `(x, labels)`, x as the net reads it, labels integers.
        classes: the name of every class.
        source: the data set in a few words, such as "MNIST".
        digests: name of array -> digest of the data as loaded.
        data: what `--data` must be to get them for sure; None where that depends on the machine.
        note: one line the user should read, such as where the data come from; or None.
        validation: held back from training, to look at after every epoch; None where nothing is.
    """

    net: Layer
    loss: Loss
    optimizer: Optimizer
    train: tuple[Array, Array]
    test: tuple[Array, Array]
    classes: tuple[str, ...]
    source: str
    digests: dict[str, str]
    data: str | None = None
    note: str | None = None
    validation: tuple[Array, Array] | None = None

    @property
    def shape(self) -> Shape:
        """Of one example."""
        return self.train[0].shape[1:]

    @property
    def held_out(self) -> dict[str, tuple[Array, Array]]:
        """What the net is not trained on, by name."""
        return {"test": self.test} if self.validation is None else {"validation": self.validation, "test": self.test}


@attrs.frozen
class Experiment:
    """A question that a training answers.

    Args:
        name: as on the command line.
        settings: the attrs class of its settings, each with a default: `Settings`, or one made from it.
        net: `settings -> Layer`, without data: how a saved net is built again; None where the data decide about it, so
            that it is built as the file says.
        problem: `(settings, data directory or None, source or None) -> Problem`; where a source is named, as in
            `Problem.source`, nothing may stand in for it.
        read: `(file, settings, shape, classes) -> (example, words)`: how a trained net reads a picture file, and what
            was done to the picture for it.
    """

    name: str
    settings: type[Settings]
    net: Callable[[Any], Layer] | None
    problem: Callable[[Any, str | None, str | None], Problem]
    read: Callable[[Path, Any, Shapes, tuple[str, ...]], tuple[Array, list[str]]]
