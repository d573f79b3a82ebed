"""LeNet-5 with ReLU and max pooling on MNIST, as in the fifth course report (R5): the main job."""

from pathlib import Path

import attrs

from fnnet import losses, zoo
from fnnet.data import batch_count
from fnnet.runs import pictures
from fnnet.runs.datasets import digits
from fnnet.runs.experiment import Experiment, Problem
from fnnet.runs.kinds import classes
from fnnet.runs.settings import INITIALIZERS, Settings, optimizer
from fnnet.types import Array, Layer, Shapes


@attrs.frozen
class Config(Settings):
    """The LeNet-5 of the fifth course report (R5).

    By default with He initialisation and a learning rate that falls to zero along a half cosine. The report's own run
    is `--epochs 50 --initialization normal_0.01 --schedule constant --learning-rate 0.001`.
    """


def net(config: Settings, outputs: int = 10) -> Layer:
    """Two convolutions with pooling, then three dense layers: 44,426 parameters for images (1, 28, 28)."""
    return zoo.lenet5(outputs, init=INITIALIZERS[config.initialization])


def problem(config: Config, data: str | None, source: str | None = None) -> Problem:
    """The net, and MNIST or what stands in for it unless `source` is MNIST, pixels in [0, 1]."""
    found = digits(data, config.train_examples, source, config.validation_examples)
    steps = config.epochs * batch_count(len(found.train[0]), config.batch_size)
    return Problem(
        net=net(config),
        loss=losses.softmax_cross_entropy,
        optimizer=optimizer(config, steps),
        **attrs.asdict(found, recurse=False),
    )


def read(word: str, config: Config, shape: Shapes, names: tuple[str, ...]) -> tuple[Array, list[str]]:
    """A picture file as MNIST's digits were made, its ink cut out and put in the middle; ink 1 on 0."""
    return pictures.read(Path(word), shape, pictures.as_mnist if shape == (1, 28, 28) else pictures.whole)


EXPERIMENT = Experiment("lenet5", Config, net, problem, classes(read))
