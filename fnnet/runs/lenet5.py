"""LeNet-5 with ReLU and max pooling on MNIST, as in the fifth course report (R5): the main job."""

import attrs

from fnnet.runs.nets import ActivationName, Parts, PoolName, convolutional
from fnnet.runs.reading import reading
from fnnet.runs.settings import INITIALIZERS, LATER, InitializationName, Settings, at_least
from fnnet.types import Layer


@attrs.frozen
class Config(Settings):
    """The LeNet-5 of the fifth course report (R5).

    By default with He initialisation and a learning rate that falls to zero along a half cosine. The report's own run
    is `--epochs 50 --initialization normal_0.01 --schedule constant --learning-rate 0.001`. The net of the second
    report (R2) is `--activation sigmoid --pool average --padding 2`; that of 1998 pooled by `--pool scale`.
    """

    initialization: InitializationName = "he"
    """Distribution of the first weights; biases start at zero."""
    activation: ActivationName = attrs.field(default="relu", metadata={LATER: "relu"})
    """Behind every hidden layer."""
    pool: PoolName = attrs.field(default="max", metadata={LATER: "max"})
    """The greatest of each window, its mean, or its sum with a gain and a bias that are learned."""
    padding: int = attrs.field(default=0, validator=at_least(0), metadata={LATER: 0})
    """Zeros on each side of the picture."""


def net(config: Config, outputs: int = 10) -> Layer:
    """Two convolutions with pooling, then three dense layers: 44,426 parameters for images (1, 28, 28)."""
    words = [f"6@5+{config.padding}" if config.padding else "6@5", "pool", "16@5", "pool"]
    parts = Parts(config.activation, INITIALIZERS[config.initialization])
    return convolutional(words, [120, 84], outputs, parts, pool=config.pool)


EXPERIMENT = reading("lenet5", Config, net)
