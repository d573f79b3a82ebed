"""R1: training a back-propagation network and its ten extensions, on a part of MNIST."""

from collections.abc import Callable
from functools import partial
from typing import Literal

import attrs

from experiments.engine.study import OnProgress, Result
from experiments.reports import fit, nets, sources
from experiments.reports.r1 import defects
from fnnet import data, initializers, layers, losses, optim, rng, training
from fnnet.losses import Loss
from fnnet.runs.one_hot import squared_error
from fnnet.runs.trainer import Examples
from fnnet.types import Array, Layer, Optimizer


@attrs.frozen
class Config:
    """Settings of R1; the defaults are its default training.

    Args:
        every_bias: whether all layers have a bias; else the first alone.
        bias_gradient: "own", or that of a layer's first unit for all of them, see `defects.first_unit_bias`.
        unmasked: whether dropped units pass gradient, see `defects.unmasked_dropout`.
        rescale: whether dropout divides by what it keeps.
        augment: four times the data: "report" as its code does it, "repaired" with a window for every image and
            background around it.
        fill: the report's value of noise and of what comes in from outside.
        convolution: in front: "report" as its code does it, "own gradients" with a gradient for each kernel,
            "leaky ReLU" with an activation behind it and Xavier weights too.
        more: what is trained for as many epochs again.
    """

    hidden: tuple[int, ...] = (256, 128)
    activation: str = "leaky 0.001"
    momentum: float = 0.0
    l2: float = 0.0
    loss: Literal["softmax cross-entropy", "squared error"] = "softmax cross-entropy"
    every_bias: bool = True
    bias_gradient: Literal["own", "first unit"] = "own"
    dropout: float = 0.0
    unmasked: bool = False
    rescale: bool = False
    augment: Literal["", "report", "repaired"] = ""
    fill: float = 255.0
    convolution: Literal["", "report", "own gradients", "leaky ReLU"] = ""
    more: Literal["", "last layer", "all layers"] = ""
    learning_rate: float = 0.01
    batch: int = 32
    epochs: int = 20
    examples: int = 10_000
    looks: int = 1_000


SLOPE = 0.001  # R1 l.28
CHANNELS, KERNEL, PADDING = 3, 5, 2  # R1 l.1114-1119


def net(config: Config) -> Layer:
    """Dense layers, perhaps behind a convolution with three kernels."""
    init = initializers.xavier_normal()
    between: Callable[[], Layer] | None = None
    activation = config.activation
    if config.dropout and config.unmasked:
        between, activation = lambda: defects.unmasked_dropout(config.dropout, SLOPE), "none"
    elif config.dropout:
        between = lambda: layers.dropout(config.dropout, rescale=config.rescale)  # noqa: E731
    wrap = defects.first_unit_bias if config.bias_gradient == "first unit" else nets.as_it_is
    body = nets.mlp(config.hidden, 10, activation, init, between, every_bias=config.every_bias, wrap=wrap)
    return layers.serial(*_front(config), body) if config.convolution else body


def _front(config: Config) -> list[Layer]:
    """The convolution."""
    if config.convolution == "report":
        return [defects.tied_convolution(CHANNELS, KERNEL, PADDING)]
    leaky = config.convolution == "leaky ReLU"
    init = initializers.xavier_normal() if leaky else initializers.normal((2 / (1 + CHANNELS)) ** 0.5)
    learned = layers.conv2d(CHANNELS, KERNEL, padding=PADDING, init=init)
    return [learned, nets.ACTIVATIONS[config.activation]()] if leaky else [learned]


def optimizer(config: Config) -> Optimizer:
    """Plain gradient descent or momentum; L2 adds λ W to the gradient of every weight."""
    descent = optim.sgd(config.learning_rate, momentum=config.momentum)
    if not config.l2:
        return descent
    return optim.l2(descent, config.l2, where=optim.is_weight)


LOSSES: dict[str, Loss] = {"softmax cross-entropy": losses.softmax_cross_entropy, "squared error": squared_error}


def arrays(config: Config, directory: str | None) -> tuple[Examples, Examples, Examples]:
    """Training, validation and test: the 10,000 images behind the first 1,000, those, and the first 1,000 for test."""
    found = sources.load("mnist", directory)
    n = min(1_000, len(found.train.labels) // 4)
    parts = (
        data.subset(found.train, slice(n, n + config.examples)),
        data.subset(found.train, slice(min(n, config.looks))),
        data.subset(found.test, slice(config.looks)),
    )
    train, valid, test = ((data.binarise(data.scale(part.images)), part.labels) for part in parts)
    return train, valid, test


def augmented(config: Config, seed: int, x: Array, labels: Array) -> tuple[Array, Array]:
    """Four times the data: as they are, with noise, shifted, cropped and padded back."""
    key = rng.fold_in(rng.key(seed), "augment")
    if config.augment == "repaired":
        return data.with_copies(key, x, labels, [data.noise, data.shift, data.crop])
    changes = [
        partial(defects.noise, light=config.fill or 1.0),
        partial(data.shift, fill=config.fill),
        partial(defects.crop_once, fill=config.fill),
    ]
    return data.with_copies(key, x, labels, changes)


def train(config: Config, seed: int, directory: str | None, tell: OnProgress) -> Result:
    """Train a net as R1 does; with `more`, go on for as many epochs, all layers or the last alone."""
    examples, valid, test = arrays(config, directory)
    if config.augment:
        examples = augmented(config, seed, *examples)
    model, loss, rule = net(config), LOSSES[config.loss], optimizer(config)
    epoch = fit.shuffled(examples, config.batch, "fill")
    looks = {"valid": valid, "test": test}
    share = 2 if config.more else 1
    found = fit.fit(model, loss, rule, seed, epoch, config.epochs, lambda part: tell(part / share), looks)
    if found.diverged:
        return found.broken_off()
    state, rows = found.state, found.rows
    before = {name: rows[-1][f"{name}_accuracy"] for name in looks}
    if config.more:
        if config.more == "last layer":
            last = f"dense_{len(config.hidden)}."
            rule = optim.freeze(rule, lambda path, leaf: not path.startswith(last))
        fresh = training.TrainState(state.step, state.params, rule.init(state.params), state.key)
        further = fit.fit(
            model,
            loss,
            rule,
            seed,
            lambda key: epoch(rng.fold_in(key, "more")),
            config.epochs,
            lambda part: tell(0.5 + part / 2),
            looks,
            start=fresh,
        )
        rows = rows + [{**row, "epoch": row["epoch"] + config.epochs} for row in further.rows]
        if further.diverged:
            return further._replace(rows=rows).broken_off()
    ending = {name: rows[-1][name] for name in ("test_accuracy", "test_loss", "valid_accuracy", "train_accuracy")}
    if config.more:
        ending |= {"before": before["test"], "valid_before": before["valid"]}
    return Result(rows, ending | {"seconds_per_epoch": sum(row["seconds"] for row in rows) / len(rows)})
