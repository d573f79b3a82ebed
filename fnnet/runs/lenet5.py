"""LeNet-5 with ReLU and max pooling on MNIST, as in the fifth course report (R5): the main job."""

import attrs

from fnnet import zoo
from fnnet.runs.reading import reading
from fnnet.runs.settings import INITIALIZERS, InitializationName, Settings
from fnnet.types import Layer


@attrs.frozen
class Config(Settings):
    """The LeNet-5 of the fifth course report (R5).

    By default with He initialisation and a learning rate that falls to zero along a half cosine. The report's own run
    is `--epochs 50 --initialization normal_0.01 --schedule constant --learning-rate 0.001`.
    """

    initialization: InitializationName = "he"
    """Distribution of the first weights; biases start at zero."""


def net(config: Config, outputs: int = 10) -> Layer:
    """Two convolutions with pooling, then three dense layers: 44,426 parameters for images (1, 28, 28)."""
    return zoo.lenet5(outputs, init=INITIALIZERS[config.initialization])


EXPERIMENT = reading("lenet5", Config, net)
