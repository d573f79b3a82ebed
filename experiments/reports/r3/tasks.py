"""R3: training on digits.mat as its author did: each step sees one random sample of a batch of 32."""

from collections.abc import Iterator
from functools import partial
from statistics import fmean, pvariance
from typing import Any, Literal

import attrs
import numpy as np

from experiments.engine.study import OnProgress, Result
from experiments.reports import fit, least_squares, nets, sources
from fnnet import data, initializers, layers, losses, optim, rng, summary, training
from fnnet.initializers import Initializer
from fnnet.losses import Loss, LossValue
from fnnet.optim import schedules
from fnnet.runs.settings import INITIALIZERS
from fnnet.runs.trainer import ACCURACY, Examples
from fnnet.types import Array, Layer, Optimizer

CLASSES = 10


@attrs.frozen
class Config:
    """Settings of R3.

    Args:
        hidden: units of the dense layers.
        convolution: whether a convolution 8@3×3 with ReLU and max pooling comes first.
        sampled: one random sample of every batch makes the step, as in the report; else the whole batch.
        penalty: λ of λ/2 Σ ‖W‖².
        halve: epochs after which the rate is halved.
        move: "shift", "rotate", "resize" or "all": fresh changes in every epoch.
        every: look at validation and test after so many epochs.
    """

    hidden: tuple[int, ...] = (64,)
    convolution: bool = False
    activation: str = "relu"
    initialization: str = "he"
    learning_rate: float = 0.01
    momentum: float = 0.0
    penalty: float = 0.0
    dropout: float = 0.0
    loss: Literal["softmax NLL", "norm"] = "softmax NLL"
    halve: tuple[int, ...] = ()
    move: str = ""
    sampled: bool = True
    batch: int = 32
    epochs: int = 100
    every: int = 5
    examples: int = 5_000


WEIGHTS: dict[str, Initializer] = {**INITIALIZERS, "randn": initializers.normal(1.0)}


def net(config: Config) -> Layer:
    """Dense layers, perhaps behind a convolution."""
    init = WEIGHTS[config.initialization]
    front = (layers.conv2d(8, 3, padding=1, init=init), layers.relu(), layers.max_pool(2)) if config.convolution else ()
    act = nets.ACTIVATIONS[config.activation]
    drop = (layers.dropout(config.dropout),) if config.dropout else ()
    body = [part for n in config.hidden for part in (layers.dense(n, init=init), act(), *drop)]
    return layers.serial(*front, layers.flatten(), *body, layers.dense(CLASSES, init=init))


def optimizer(config: Config, steps_per_epoch: int) -> Optimizer:
    """Descent with what the settings add."""
    rate = schedules.multi_step(config.learning_rate, [epoch * steps_per_epoch for epoch in config.halve])
    descent = optim.sgd(rate, momentum=config.momentum)
    return optim.l2(descent, config.penalty, where=optim.is_weight) if config.penalty else descent


def norm_loss(prediction: Array, labels: Array, reduction: str = "mean") -> LossValue:
    """The distance of the outputs from the one-hot row."""
    return losses.norm_loss(prediction, data.one_hot(labels, prediction.shape[1]), reduction)


LOSSES: dict[str, Loss] = {"softmax NLL": losses.softmax_cross_entropy, "norm": norm_loss}


def arrays(config: Config, directory: str | None) -> tuple[Examples, Examples, Examples]:
    """Training, validation and test; pixels in [0, 1], then every image less its mean."""
    found = sources.load("digits.mat", directory)
    assert found.valid is not None
    cut = slice(config.examples)
    parts = (data.subset(part, cut) for part in (found.train, found.valid, found.test))
    train, valid, test = ((data.centre(data.scale(part.images)), part.labels) for part in parts)
    return train, valid, test


MOVES: dict[str, Any] = {
    "shift": partial(data.affine, translation=1.5),
    "rotate": partial(data.affine, rotation=15.0),
    "resize": partial(data.affine, scale=(0.85, 1.15)),
    "all": partial(data.affine, translation=1.5, rotation=15.0, scale=(0.85, 1.15)),
}


def epochs(config: Config, examples: Examples) -> fit.Epoch:
    """Epochs of steps: of one random sample from each batch, or of whole batches."""
    x, labels = examples
    count = data.batch_count(len(x), config.batch)

    def one_of_each(key: rng.Key) -> Iterator[Examples]:
        order = rng.permutation(key, len(x))
        draws = rng.uniform(rng.fold_in(key, "sample"), (count,), dtype=np.float64)
        sizes = np.minimum(config.batch, len(x) - config.batch * np.arange(count))
        rows = order[config.batch * np.arange(count) + (draws * sizes).astype(np.intp)]
        seen = moved(config.move, rng.fold_in(key, "move"), x[rows])
        return ((seen[i : i + 1], labels[rows[i : i + 1]]) for i in range(count))

    def whole(key: rng.Key) -> Iterator[Examples]:
        batches = enumerate(data.batches(key, examples, config.batch))
        return ((moved(config.move, rng.fold_in(key, i), a), b) for i, (a, b) in batches)

    return one_of_each if config.sampled else whole


def moved(move: str, key: rng.Key, x: Array) -> Array:
    """Images changed; what comes in from outside is the image's own background, its least value."""
    if not move:
        return x
    least = x.min(axis=(1, 2, 3), keepdims=True)
    return MOVES[move](key, x - least) + least


def train(config: Config, seed: int, directory: str | None, tell: OnProgress) -> Result:
    """Train as R3 does."""
    examples, valid, test = arrays(config, directory)
    rule = optimizer(config, data.batch_count(len(examples[0]), config.batch))
    looks = {"valid": valid, "test": test}
    loss = LOSSES[config.loss]
    state, rows = fit.fit(
        net(config), loss, rule, seed, epochs(config, examples), config.epochs, tell, looks, every=config.every
    )
    tail = [row["train_loss"] for row in rows[len(rows) // 2 :]]
    whole = training.evaluate(net(config), state.params, examples, ACCURACY, loss, 500)
    ending = {name: rows[-1][name] for name in ("test_accuracy", "valid_accuracy")}
    return Result(
        [row for row in rows if "test_accuracy" in row],
        {**ending, "train_accuracy": whole["accuracy"], "loss_variance": pvariance(tail)},
    )


def fine_tune(config: Config, seed: int, directory: str | None, tell: OnProgress) -> Result:
    """Train, then put the last layer where the least squares are, by either solver."""
    examples, _, test = arrays(config, directory)
    rule = optimizer(config, data.batch_count(len(examples[0]), config.batch))
    model = net(config)
    loss = LOSSES[config.loss]
    looks = {"test": test}
    state, rows = fit.fit(
        model, loss, rule, seed, epochs(config, examples), config.epochs, tell, looks, every=config.every
    )
    ending: dict[str, Any] = {"before": rows[-1]["test_accuracy"]}
    for solver in least_squares.SOLVERS:
        try:
            params, ending["rank"] = least_squares.fit_last(model, state.params, examples, CLASSES, solver)
        except np.linalg.LinAlgError:
            ending[solver] = None  # HᵀH is singular: dead units, or rounding
        else:
            ending[solver] = training.evaluate(model, params, test, ACCURACY, size=500)["accuracy"]
    return Result([row for row in rows if "test_accuracy" in row], ending)


@attrs.frozen
class Large:
    """A larger net at the size of these images, trained for a few steps of Adam."""

    name: Literal["AlexNet-like", "VGG-like"]
    steps: int = 150
    batch: int = 32
    examples: int = 5_000


def block(channels: int, convolutions: int, pool: bool = True) -> Layer:
    """Convolutions 3×3 with ReLUs, then perhaps max pooling."""
    parts = [part for _ in range(convolutions) for part in (layers.conv2d(channels, 3, padding=1), layers.relu())]
    return layers.serial(*parts, *([layers.max_pool(2)] if pool else []))


def head(*units: int) -> Layer:
    """Dense layers behind dropout, as both nets end."""
    parts = [part for n in units for part in (layers.dropout(0.5), layers.dense(n), layers.relu())]
    return layers.serial(layers.flatten(), *parts, layers.dense(CLASSES))


LARGE: dict[str, Layer] = {
    "AlexNet-like": layers.serial(block(24, 1), block(48, 1), block(64, 1, pool=False), block(48, 2), head(128, 128)),
    "VGG-like": layers.serial(block(16, 2), block(32, 2), block(64, 3), head(128, 128)),
}


def build(config: Large, seed: int, directory: str | None, tell: OnProgress) -> Result:
    """Check the shapes, train a few steps, and say what came of it."""
    examples, _, test = arrays(Config(examples=config.examples), directory)
    model = LARGE[config.name]
    shape = examples[0].shape[1:]
    outputs = model.shape(shape)
    loss = losses.softmax_cross_entropy
    rule = optim.adam(0.001)
    step = training.make_step(model, loss, rule)
    state = training.init(model, rule, rng.key(seed), shape)
    rows: list[dict[str, Any]] = []
    key = rng.fold_in(state.key, "shuffle")
    number = 0
    while state.step < config.steps:
        for batch in data.batches(rng.fold_in(key, number), examples, config.batch):
            state, values = step(state, batch)
            rows.append({"epoch": state.step, "train_loss": values["loss"]})
            tell(state.step / config.steps)
            if state.step == config.steps:
                break
        number += 1
    tested = training.evaluate(model, state.params, test, ACCURACY, size=500)
    few = max(1, config.steps // 10)
    ending = {
        "test_accuracy": tested["accuracy"],
        "first_loss": fmean(row["train_loss"] for row in rows[:few]),
        "last_loss": fmean(row["train_loss"] for row in rows[-few:]),
        "parameters": summary.total(summary.summary(model, shape)).parameters,
        "outputs": list(outputs),
    }
    return Result(rows, ending)


def show(config: Config, seed: int, directory: str | None, tell: OnProgress) -> Result:
    """`train`, with a few pictures as they were changed."""
    rows, ending = train(config, seed, directory, tell)
    x = data.scale(sources.load("digits.mat", directory).train.images[:10])
    shown = moved(config.move, rng.fold_in(rng.key(seed), "pictures"), x)
    return Result(rows, {**ending, "pictures": shown[:, 0].round(2).astype(float).tolist()})
