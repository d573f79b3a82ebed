"""R1: training a back-propagation network and its ten extensions, on a part of MNIST."""

from typing import Literal

import attrs

from experiments.engine.study import OnProgress, Result
from experiments.reports import fit, nets, sources
from fnnet import data, initializers, layers, losses, optim, rng, training
from fnnet.losses import Loss, LossValue
from fnnet.runs.trainer import Examples
from fnnet.types import Array, Layer, Optimizer


@attrs.frozen
class Config:
    """Settings of R1; the defaults are its default training."""

    hidden: tuple[int, ...] = (256, 128)
    activation: str = "leaky 0.001"
    momentum: float = 0.0
    l2: float = 0.0
    loss: Literal["softmax cross-entropy", "squared error"] = "softmax cross-entropy"
    every_bias: bool = True
    dropout: float = 0.0
    rescale: bool = False
    augment: bool = False
    convolution: bool = False
    more: Literal["", "last layer", "all layers"] = ""
    learning_rate: float = 0.01
    batch: int = 32
    epochs: int = 20
    examples: int = 10_000
    looks: int = 1_000


def net(config: Config) -> Layer:
    """Dense layers, perhaps behind a convolution with three kernels."""
    dropout = (lambda: layers.dropout(config.dropout, rescale=config.rescale)) if config.dropout else None
    body = nets.mlp(
        config.hidden, 10, config.activation, initializers.xavier_normal(), dropout, every_bias=config.every_bias
    )
    if not config.convolution:
        return body
    front = layers.conv2d(3, 5, padding=2, init=initializers.xavier_normal())
    return layers.serial(front, nets.ACTIVATIONS[config.activation](), body)


def optimizer(config: Config) -> Optimizer:
    """Plain gradient descent or momentum; L2 adds λ W to the gradient of every weight."""
    descent = optim.sgd(config.learning_rate, momentum=config.momentum)
    if not config.l2:
        return descent
    return optim.l2(descent, config.l2, where=optim.is_weight)


def squared_error(prediction: Array, labels: Array, reduction: str = "mean") -> LossValue:
    """Squared error against one-hot rows: ½ the sum over outputs."""
    return losses.squared_error(prediction, data.one_hot(labels, prediction.shape[1]), reduction)


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


def augmented(seed: int, x: Array, labels: Array) -> tuple[Array, Array]:
    """Four times the data: as they are, with noise, shifted, cropped and padded back."""
    key = rng.fold_in(rng.key(seed), "augment")
    return data.with_copies(key, x, labels, [data.noise, data.shift, data.crop])


def train(config: Config, seed: int, directory: str | None, tell: OnProgress) -> Result:
    """Train a net as R1 does; with `more`, go on for as many epochs, all layers or the last alone."""
    examples, valid, test = arrays(config, directory)
    if config.augment:
        examples = augmented(seed, *examples)
    model, loss, rule = net(config), LOSSES[config.loss], optimizer(config)
    epoch = fit.shuffled(examples, config.batch, "fill")
    looks = {"valid": valid, "test": test}
    share = 2 if config.more else 1
    state, rows = fit.fit(model, loss, rule, seed, epoch, config.epochs, lambda part: tell(part / share), looks)
    ending = {f"test_{name}": rows[-1][f"test_{name}"] for name in ("accuracy", "loss")}
    if config.more:
        ending["before"] = ending["test_accuracy"]
        if config.more == "last layer":
            last = f"dense_{len(config.hidden)}."
            rule = optim.freeze(rule, lambda path, leaf: not path.startswith(last))
        fresh = training.TrainState(state.step, state.params, rule.init(state.params), state.key)
        state, further = fit.fit(
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
        rows += [{**row, "epoch": row["epoch"] + config.epochs} for row in further]
        ending |= {f"test_{name}": rows[-1][f"test_{name}"] for name in ("accuracy", "loss")}
    ending |= {
        "valid_accuracy": rows[-1]["valid_accuracy"],
        "train_accuracy": rows[-1]["train_accuracy"],
        "seconds_per_epoch": sum(row["seconds"] for row in rows) / len(rows),
    }
    return Result(rows, ending)
