"""R2: training LeNet-5 with sigmoids and average pooling on all of MNIST, on the summed loss."""

from functools import partial

import attrs

from experiments.engine.study import OnProgress, Result
from experiments.reports import fit, nets, sources
from fnnet import data, initializers, layers, losses, optim
from fnnet.runs.settings import SCHEDULES
from fnnet.types import Layer

INITIALIZER = initializers.he_normal()


@attrs.frozen
class Config:
    """Settings of R2. Rates are for gradients summed over the batch."""

    learning_rate: float = 0.0015
    schedule: str = "constant"
    batch: int = 32
    epochs: int = 10
    activation: str = "sigmoid"
    examples: int = 60_000
    looks: int = 10_000


def net(config: Config) -> Layer:
    """R2's net, 61,706 parameters."""
    return nets.lenet5(config.activation, layers.avg_pool, INITIALIZER, padding=2)


def train(config: Config, seed: int, directory: str | None, tell: OnProgress) -> Result:
    """Train with plain gradient descent on the summed loss, and test after every epoch."""
    found = sources.load("mnist", directory)
    examples, test = (
        (data.scale(part.images, by=256), part.labels)
        for part in (data.subset(found.train, slice(config.examples)), data.subset(found.test, slice(config.looks)))
    )
    steps = config.epochs * data.batch_count(len(examples[1]), config.batch)
    loss = partial(losses.softmax_cross_entropy, reduction="sum")
    rule = optim.sgd(SCHEDULES[config.schedule](config.learning_rate, steps))
    epoch = fit.shuffled(examples, config.batch)
    _, rows = fit.fit(net(config), loss, rule, seed, epoch, config.epochs, tell, {"test": test})
    return Result(rows, {name: rows[-1][name] for name in ("test_accuracy", "test_loss", "train_accuracy")})
