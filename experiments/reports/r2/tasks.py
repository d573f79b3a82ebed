"""R2: training LeNet-5 with sigmoids and average pooling on all of MNIST, on the summed loss."""

from functools import partial
from typing import Literal

import attrs
import numpy as np

from experiments.engine.study import OnProgress, Result
from experiments.reports import fit, nets, sources
from experiments.reports.memory import peak
from fnnet import data, initializers, layers, losses, optim, rng, training
from fnnet.runs.settings import SCHEDULES
from fnnet.types import Layer


@attrs.frozen
class Config:
    """Settings of R2. Rates are for gradients summed over the batch.

    Args:
        weights: "normal", of standard deviation 1, and biases too, as in the report; or "he", and biases 0.
    """

    learning_rate: float = 0.0015
    schedule: str = "constant"
    batch: int = 32
    epochs: int = 10
    activation: str = "sigmoid"
    weights: Literal["normal", "he"] = "normal"
    examples: int = 60_000
    looks: int = 10_000


def net(config: Config) -> Layer:
    """R2's net, 61,706 parameters."""
    if config.weights == "he":
        return nets.lenet5(config.activation, layers.avg_pool, initializers.he_normal(), padding=2)
    init = initializers.normal(1.0)
    wrap = partial(nets.random_bias, init=init)
    return nets.lenet5(config.activation, layers.avg_pool, init, padding=2, wrap=wrap)


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
    done = fit.fit(net(config), loss, rule, seed, epoch, config.epochs, tell, {"test": test})
    if done.diverged:
        return done.broken_off()
    ending = {name: done.rows[-1][name] for name in ("test_accuracy", "test_loss", "train_accuracy")}
    return Result(done.rows, ending)


def memory(config: Config, seed: int, directory: str | None, tell: OnProgress) -> Result:
    """What a step of training holds at its most, beside what was there before it, in MiB."""
    model, rule = net(config), optim.sgd(config.learning_rate)
    step = training.make_step(model, partial(losses.softmax_cross_entropy, reduction="sum"), rule)
    state = training.init(model, rule, rng.key(seed), (1, 28, 28))
    x = rng.uniform(rng.fold_in(rng.key(seed), "x"), (config.batch, 1, 28, 28))
    batch = x, np.arange(config.batch) % 10
    state, _ = step(state, batch)  # what is made once
    return Result([], {"peak": peak(lambda: step(state, batch))})
