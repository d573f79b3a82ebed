"""R5: training LeNet-5 with ReLU and max pooling on MNIST, and measuring how it leaves the plateau at 10 %."""

import math
from functools import partial
from statistics import fmean
from typing import Any, Literal

import attrs

from experiments.engine.study import DIVERGED, OnProgress, Result
from experiments.reports import fit, nets, sources
from experiments.reports.r5 import defects
from fnnet import data, layers, losses, metrics, optim, rng, training
from fnnet.errors import NonFiniteError
from fnnet.initializers import Initializer, normal
from fnnet.losses import Loss
from fnnet.runs.settings import INITIALIZERS
from fnnet.runs.trainer import ACCURACY, Examples
from fnnet.types import Array, Layer, Optimizer

CLASSES = 10
CHANCE = math.log(CLASSES)  # nats: the loss of a net that knows nothing
LEFT = 0.9 * CHANCE  # a loss below this has left the plateau


@attrs.frozen
class Config:
    """Settings of R5; the defaults are its run.

    Args:
        summed: whether gradients are summed over the batch, as in the report (R5 l.837), or averaged.
        col2im: "assigns", as in the report, where it "adds" that is right, see `defects.assigning_convolution`.
        initialization: "he", or "normal_" and the standard deviation.
        standardise: whether pixels are brought to mean 0 and variance 1 over the training set.
        steps: stop after so many (whole epochs otherwise).
    """

    optimizer: str = "adam"
    learning_rate: float = 0.001
    summed: bool = True
    col2im: Literal["adds", "assigns"] = "assigns"
    initialization: str = "normal_0.01"
    standardise: bool = False
    batch_norm: bool = False
    batch: int = 64
    epochs: int = 50
    steps: int = 0
    examples: int = 60_000
    looks: int = 10_000


OPTIMIZERS: dict[str, Any] = {
    "adam": partial(optim.adam, eps=1e-7),
    "sgd": optim.sgd,
    "momentum": partial(optim.sgd, momentum=0.9),
}


def net(config: Config) -> Layer:
    """R5's net; with batch norm, between every layer with weights and its activation."""
    wrap = defects.assigning_convolution if config.col2im == "assigns" else nets.as_it_is
    plain = nets.lenet5("relu", layers.max_pool, initializer(config), wrap=wrap)
    if not config.batch_norm:
        return plain
    children = [child for _, child in plain]
    learned = [child.name in ("conv2d", "dense") for child in children[:-1]]
    pairs = zip(children[:-1], learned, strict=True)
    body = [part for child, learns in pairs for part in ([child, layers.batch_norm()] if learns else [child])]
    return layers.serial(*body, children[-1])


def initializer(config: Config) -> Initializer:
    """Of all weights."""
    word, _, std = config.initialization.partition("_")
    return normal(float(std)) if word == "normal" else INITIALIZERS[config.initialization]


def optimizer(config: Config) -> Optimizer:
    """The update rule."""
    rule: Optimizer = OPTIMIZERS[config.optimizer](config.learning_rate)
    return rule


def loss_of(config: Config) -> Loss:
    """Softmax with cross-entropy, summed over the batch or its mean."""
    return partial(losses.softmax_cross_entropy, reduction="sum") if config.summed else losses.softmax_cross_entropy


def arrays(config: Config, directory: str | None) -> tuple[Examples, Examples]:
    """Training and test; pixels in [0, 1], or standardised by the training set's mean and deviation."""
    found = sources.load("mnist", directory)
    parts = data.subset(found.train, slice(config.examples)), data.subset(found.test, slice(config.looks))
    train, test = ((data.scale(part.images), part.labels) for part in parts)
    if config.standardise:
        mean, deviation = float(train[0].mean()), float(train[0].std())
        train, test = (((x - mean) / deviation, labels) for x, labels in (train, test))
    return train, test


def train(config: Config, seed: int, directory: str | None, tell: OnProgress) -> Result:
    """Train, test after every epoch, look at all of the training set after the first and the last, count confusions."""
    examples, test = arrays(config, directory)
    model, loss, rule = net(config), loss_of(config), optimizer(config)
    epoch = fit.shuffled(examples, config.batch)
    looks = {"test": test}
    begun = fit.fit(model, loss, rule, seed, epoch, 1, lambda part: tell(part / config.epochs), looks)
    if begun.diverged:
        return begun.broken_off()
    first = training.evaluate(model, begun.state.params, examples, ACCURACY, loss, 500)
    further = fit.fit(model, loss, rule, seed, epoch, config.epochs, tell, looks, start=begun.state, done=1)
    rows, state = begun.rows + further.rows, further.state
    if further.diverged:
        return further._replace(rows=rows).broken_off()
    whole = training.evaluate(model, state.params, examples, ACCURACY, loss, 500)
    confused = {
        f"{name}confusion": training.evaluate(model, state.params, of, {"counts": metrics.confusion}, size=500)[
            "counts"
        ]
        for name, of in (("", test), ("train_", examples))
    }
    ending = {
        "test_accuracy": rows[-1]["test_accuracy"],
        "train_accuracy": whole["accuracy"],
        "first_test_accuracy": rows[0]["test_accuracy"],
        "first_train_accuracy": first["accuracy"],
        "seconds_per_epoch": fmean(row["seconds"] for row in rows),
        **{name: counts.tolist() for name, counts in confused.items()},
    }
    return Result(rows, ending)


def leave(config: Config, seed: int, directory: str | None, tell: OnProgress) -> Result:
    """Train step by step, measuring signal and gradient of every layer now and then, until the plateau is left.

    A row every so many steps: the mean loss since the last row, and for every layer with weights the root mean square
    of its output, of the cotangent that reaches its output, of its weights' gradient and of its weights.
    """
    examples, test = arrays(config, directory)
    model, loss, rule = net(config), loss_of(config), optimizer(config)
    state = training.init(model, rule, rng.key(seed), examples[0].shape[1:])
    step = training.make_step(model, loss, rule)
    order = rng.fold_in(state.key, "shuffle")
    every = max(1, config.steps // 100)
    rows: list[dict[str, Any]] = []
    window: list[float] = []
    left = None
    number = 0
    while state.step < config.steps:
        for batch in fit.shuffled(examples, config.batch)(rng.fold_in(order, number)):
            if state.step % every == 0:
                sizes = signals(model, loss, rule, state, batch)
                rows.append({"step": state.step, "loss": fmean(window) if window else None, **sizes})
                window = []
                tell(state.step / config.steps)
                if left is None and rows[-1]["loss"] is not None and rows[-1]["loss"] < LEFT:
                    left = state.step
            try:
                state, values = step(state, batch)
            except NonFiniteError:
                return Result(rows, {DIVERGED: state.step})
            window.append(values["loss"] / (len(batch[0]) if config.summed else 1))
            if state.step == config.steps:
                break
        number += 1
    tested = training.evaluate(model, state.params, test, ACCURACY, loss, 500)
    first = rows[0]
    ending = {
        "plateau": config.steps if left is None else left,
        "left": left is not None,
        "test_accuracy": tested["accuracy"],
        "first_output": first["dense_2_output"],
        "first_gradient": first["conv2d_0_gradient"],
        "first_ratio": first["conv2d_0_gradient"] / first["conv2d_0_weight"],
    }
    return Result(rows, ending)


def signals(
    model: Layer, loss: Any, rule: Optimizer, state: training.TrainState, batch: tuple[Array, ...]
) -> dict[str, float]:
    """Sizes in every layer with weights, by name."""
    found: dict[str, float] = {}
    for row in training.trace(model, loss, rule, state, batch):
        if row.gradient is not None and row.params is not None and row.update is not None and row.kind != "batch_norm":
            assert row.output_gradient is not None
            found |= {
                f"{row.path}_output": row.output.rms,
                f"{row.path}_cotangent": row.output_gradient.rms,
                f"{row.path}_gradient": row.gradient.rms,
                f"{row.path}_weight": row.params.rms,
                f"{row.path}_update": row.update.rms,
            }
    return found
