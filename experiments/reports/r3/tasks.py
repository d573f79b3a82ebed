"""R3: training on digits.mat as its author did: each step sees one random sample of a batch of 32."""

from collections.abc import Callable, Iterator
from functools import partial
from statistics import fmean
from typing import Any, Literal

import attrs
import numpy as np

from experiments.engine.study import OnProgress, Result
from experiments.reports import bias, fit, least_squares, nets, sources
from experiments.reports.r3 import defects
from fnnet import data, initializers, layers, losses, optim, rng, summary, training
from fnnet.initializers import Initializer
from fnnet.losses import Loss
from fnnet.optim import schedules
from fnnet.runs.one_hot import norm_loss
from fnnet.runs.settings import INITIALIZERS
from fnnet.runs.trainer import ACCURACY, Examples
from fnnet.types import Array, Layer, Optimizer

CLASSES = 10


@attrs.frozen
class Config:
    """Settings of R3; the defaults are repaired, and `PRINTED` are those of its code.

    Args:
        hidden: units of the dense layers.
        convolution: in front: "report", 8@3×3 whose gradients are divided as its code does it, then a ReLU; "pooled",
            8@3×3, ReLU and max pooling.
        masked: whether the gradient of a ReLU is masked, see `defects.unmasked_relu`.
        last_relu: whether one stands behind the last layer too.
        biases: of the dense layers at the beginning: "zero", or "randn" of standard deviation 1.
        column: whether a column of ones stands in for the biases.
        momentum_rule: "heavy ball", or "report", see `defects.forgetful_momentum`; that is with a constant rate and
            without a penalty.
        penalty: λ.
        penalty_of: "squares" for λ/2 Σ w² over weights, "norm" for λ ‖θ‖ of every array of params, biases too.
        sampled: one random sample of every batch makes the step, as in the report; else the whole batch.
        shuffled: whether batches are drawn anew in every epoch; else they lie as in the file.
        halve: epochs after which the rate is halved.
        move: "shift", "rotate", "resize" or "all": fresh changes in every epoch.
        every: look at validation and test after so many epochs.
    """

    hidden: tuple[int, ...] = (64,)
    convolution: Literal["", "report", "pooled"] = ""
    activation: str = "relu"
    masked: bool = True
    last_relu: bool = False
    initialization: str = "he"
    biases: Literal["zero", "randn"] = "zero"
    column: bool = False
    learning_rate: float = 0.01
    momentum: float = 0.0
    momentum_rule: Literal["heavy ball", "report"] = "heavy ball"
    penalty: float = 0.0
    penalty_of: Literal["squares", "norm"] = "squares"
    dropout: float = 0.0
    loss: Literal["softmax NLL", "norm"] = "softmax NLL"
    halve: tuple[int, ...] = ()
    move: str = ""
    sampled: bool = True
    shuffled: bool = True
    batch: int = 32
    epochs: int = 100
    every: int = 5
    examples: int = 5_000


# One sample's norm loss, its weights and biases, a gradient that no ReLU masks, batches as they lie (R3 l.102, 123–124,
# 216–227, 290); rate and penalty as `Linear` has them (l.118) and as the first net gives them (l.288).
PRINTED = Config(
    masked=False,
    initialization="report",
    biases="randn",
    penalty=0.1,
    penalty_of="norm",
    loss="norm",
    shuffled=False,
)


def fan_sum() -> Initializer:
    """R3's weights: normal with variance 1 / (fan in + fan out) (R3 l.123), half of Xavier's."""
    return initializers.variance_scaling(0.5, mode="fan_avg", distribution="normal")


WEIGHTS: dict[str, Initializer] = {
    **INITIALIZERS,
    "randn": initializers.normal(1.0),
    "report": fan_sum(),
    "fan in": initializers.lecun_normal(),  # R3 l.490, 780: randn / √(fan in)
}


def net(config: Config) -> Layer:
    """Dense layers, perhaps behind a convolution."""
    init = WEIGHTS[config.initialization]
    act = nets.ACTIVATIONS[config.activation] if config.masked else defects.unmasked_relu
    drop = (layers.dropout(config.dropout),) if config.dropout else ()

    def learned(n: int) -> tuple[Layer, ...]:
        if config.column:
            return bias.ones_column(), layers.dense(n, bias=False, init=init)
        dense = layers.dense(n, init=init)
        return (dense if config.biases == "zero" else nets.random_bias(dense, initializers.normal(1.0)),)

    body = [part for n in config.hidden for part in (*learned(n), act(), *drop)]
    last = (act(),) if config.last_relu else ()
    return layers.serial(*_front(config, act), layers.flatten(), *body, *learned(CLASSES), *last)


def _front(config: Config, act: Callable[[], Layer]) -> tuple[Layer, ...]:
    """The convolution."""
    if config.convolution == "report":
        plain = layers.conv2d(8, 3, padding=1, init=WEIGHTS["fan in"])
        return defects.scaled_convolution(nets.random_bias(plain, initializers.normal(1.0)), 3), act()
    pooled = (layers.conv2d(8, 3, padding=1, init=WEIGHTS[config.initialization]), act(), layers.max_pool(2))
    return pooled if config.convolution else ()


def optimizer(config: Config, steps_per_epoch: int) -> Optimizer:
    """Descent with what the settings add."""
    rate = schedules.multi_step(config.learning_rate, [epoch * steps_per_epoch for epoch in config.halve])
    if config.momentum_rule == "report":
        return defects.forgetful_momentum(config.learning_rate, config.momentum)
    descent = optim.sgd(rate, momentum=config.momentum)
    if config.penalty_of == "norm":
        return optim.chain(defects.norm_penalty(config.penalty), descent) if config.penalty else descent
    return optim.l2(descent, config.penalty, where=optim.is_weight) if config.penalty else descent


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
        order = rng.permutation(key, len(x)) if config.shuffled else np.arange(len(x))
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
    found = _fitted(config, seed, examples, {"valid": valid, "test": test}, tell)
    looked = [row for row in found.rows if "test_accuracy" in row]
    if found.diverged:
        return found._replace(rows=looked).broken_off()
    loss = LOSSES[config.loss]
    whole = training.evaluate(net(config), found.state.params, examples, ACCURACY, loss, 500)
    ending = {name: looked[-1][name] for name in ("test_accuracy", "valid_accuracy")}
    return Result(looked, {**ending, "train_accuracy": whole["accuracy"]})


def _fitted(config: Config, seed: int, examples: Examples, looks: dict[str, Examples], tell: OnProgress) -> fit.Fit:
    """The net of some settings, trained."""
    rule = optimizer(config, data.batch_count(len(examples[0]), config.batch))
    loss, order = LOSSES[config.loss], epochs(config, examples)
    return fit.fit(net(config), loss, rule, seed, order, config.epochs, tell, looks, every=config.every)


def fine_tune(config: Config, seed: int, directory: str | None, tell: OnProgress) -> Result:
    """Train, then put the last layer where the least squares are, by every solver."""
    examples, _, test = arrays(config, directory)
    found = _fitted(config, seed, examples, {"test": test}, tell)
    looked = [row for row in found.rows if "test_accuracy" in row]
    if found.diverged:
        return found._replace(rows=looked).broken_off()
    ending: dict[str, Any] = {"before": looked[-1]["test_accuracy"]}
    for name, solve in least_squares.WAYS.items():
        try:
            params, ending["rank"] = solve(net(config), found.state.params, examples, CLASSES)
        except np.linalg.LinAlgError:
            ending[name] = None  # HᵀH is singular: dead units, or rounding
        else:
            ending[name] = training.evaluate(net(config), params, test, ACCURACY, size=500)["accuracy"]
    return Result(looked, ending)


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
