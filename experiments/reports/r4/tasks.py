"""R4: a sine, twelve handwritten characters, convolutional nets, and batch norm with dropout."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Literal

import attrs
import numpy as np

from experiments.engine.study import OnProgress, Result
from experiments.reports import fit, nets, sources
from experiments.reports.r1.defects import unmasked_dropout
from experiments.reports.r1.tasks import SLOPE
from fnnet import data, layers, losses, optim, rng, training, tree
from fnnet.initializers import he_normal, xavier_normal
from fnnet.runs.trainer import ACCURACY, Examples
from fnnet.types import Array, Layer, Params

CLASSES = 12


@attrs.frozen
class Sine:
    """Settings of the regression; `points` are drawn from [-π, π] for training, the fit is looked at on a fine grid.

    Args:
        weights: of the layers in front of leaky ReLUs; sigmoids and tanh always have Xavier's.
        squares: "mean", or "half" of them, whose gradient is as long.
    """

    activation: str = "leaky 0.01"
    epochs: int = 800
    hidden: tuple[int, ...] = (16, 32)
    optimizer: Literal["sgd", "adam"] = "sgd"
    schedule: str = "constant"
    learning_rate: float = 0.01
    batch: int = 16
    points: int = 1_000
    weights: Literal["he", "xavier"] = "he"
    squares: Literal["mean", "half"] = "mean"


GRID = np.linspace(-np.pi, np.pi, 401, dtype=np.float32)[:, None]


def absolute_error(prediction: Array, target: Array) -> float:
    """Mean absolute error."""
    return float(np.abs(prediction - target).mean(dtype=np.float64))


def sine(config: Sine, seed: int, directory: str | None, tell: OnProgress) -> Result:
    """Fit sin on [-π, π]; look at it at 1,000 points held back, for validation, and on a grid of 401, for test."""
    from fnnet.runs.settings import SCHEDULES

    he = config.weights == "he" and "leaky" in config.activation
    model = nets.mlp(config.hidden, 1, config.activation, he_normal() if he else xavier_normal())
    x = rng.uniform(rng.fold_in(rng.key(seed), "points"), (config.points, 1), -np.pi, np.pi)
    steps = config.epochs * data.batch_count(config.points, config.batch)
    rate = SCHEDULES[config.schedule](config.learning_rate, steps)
    rule = optim.sgd(rate) if config.optimizer == "sgd" else optim.adam(rate)
    found = fit.fit(
        model,
        losses.mean_squared_error if config.squares == "mean" else losses.squared_error,
        rule,
        seed,
        fit.shuffled((x, np.sin(x)), config.batch),
        config.epochs,
        tell,
        {"test": (GRID, np.sin(GRID))},
        {"error": absolute_error},
        every=max(1, config.epochs // 100),
    )
    looked = [row for row in found.rows if "test_error" in row]
    if found.diverged:
        return found._replace(rows=looked).broken_off()
    fitted, _ = model.apply(found.state.params, GRID[::4])
    held = rng.uniform(rng.fold_in(rng.key(seed), "validation"), (1_000, 1), -np.pi, np.pi)
    ending = {
        "error": looked[-1]["test_error"],
        "valid_error": absolute_error(model.apply(found.state.params, held)[0], np.sin(held)),
        "fit": fitted[:, 0].round(4).astype(float).tolist(),
    }
    return Result(looked, ending)


@attrs.frozen
class Config:
    """Settings on the twelve characters.

    Args:
        net: "mlp", "cnn" or "residual".
        hidden, activation: of the MLP.
        weights: of the MLP: "he", or "xavier" as in R1's class, which R4's repeats.
        unmasked: whether the MLP's dropout does not rescale and lets gradient pass through what it drops, as R1's does.
        batch_norm, dropout: in the CNN, behind every convolution and the dense layer.
        order: of both together: "report" has dropout in front of further batch norms, "behind" only after the last.
        ink: whether ink is 1 and background 0; else the other way round.
        augment: a noisy, a shifted and a cropped copy of every image added: "report", where what is shifted in is ink,
            or "repaired", where it is background; "" for none.
    """

    net: Literal["mlp", "cnn", "residual"] = "mlp"
    hidden: tuple[int, ...] = (256, 128)
    activation: str = "leaky 0.01"
    weights: Literal["he", "xavier"] = "he"
    unmasked: bool = False
    batch_norm: bool = False
    dropout: float = 0.0
    order: Literal["report", "behind"] = "report"
    ink: bool = True
    augment: Literal["", "report", "repaired"] = ""
    optimizer: Literal["sgd", "adam"] = "sgd"
    learning_rate: float = 0.01
    batch: int = 64
    epochs: int = 30
    channels: tuple[int, int] = (32, 64)
    examples: int = 10_000


def arrays(config: Config, directory: str | None) -> tuple[Examples, Examples]:
    """520 of every class for training, 100 for test, always the same; ink 1 and background 0."""
    found = sources.load("hanzi", directory)
    parts = data.subset(found.train, slice(None, None, max(1, len(found.train.labels) // config.examples))), found.test
    train, test = ((data.scale(part.images), part.labels) for part in parts)
    return train, test


def augmented(config: Config, seed: int, x: Array, labels: Array) -> Examples:
    """Four times the data: as they are, with noise on ten pixels, shifted, cropped and padded back."""
    key = rng.fold_in(rng.key(seed), "augment")
    shift = partial(data.shift, fill=1.0) if config.augment == "report" else data.shift
    return data.with_copies(key, x, labels, [specks, shift, data.crop])


def specks(key: rng.Key, x: Array, count: int = 5) -> Array:
    """So many random pixels of every image become ink, then so many background (R4 l.279–282)."""
    y = x.copy()
    rows = y.reshape(len(y), -1)
    for name, value in (("ink", 1.0), ("background", 0.0)):
        draws = rng.uniform(rng.fold_in(key, name), rows.shape)
        chosen = np.argpartition(draws, count, axis=1)[:, :count]
        np.put_along_axis(rows, chosen, x.dtype.type(value), axis=1)
    return y


def net(config: Config) -> Layer:
    """The net of a setting."""
    return {"mlp": _mlp, "cnn": _cnn, "residual": _residual}[config.net](config)


def _mlp(config: Config) -> Layer:
    init = he_normal() if config.weights == "he" else xavier_normal()
    if config.dropout and config.unmasked:
        return nets.mlp(config.hidden, CLASSES, "none", init, lambda: unmasked_dropout(config.dropout, SLOPE))
    dropout = (lambda: layers.dropout(config.dropout)) if config.dropout else None
    return nets.mlp(config.hidden, CLASSES, config.activation, init, dropout)


def _cnn(config: Config) -> Layer:
    """conv 32@3×3, ReLU, pool, conv 64@3×3, ReLU, pool, 128, ReLU, 12; batch norm before a ReLU, dropout behind it."""

    def part(learned: Layer, *after: Layer, last: bool = False) -> list[Layer]:
        norm = [layers.batch_norm()] if config.batch_norm else []
        drops = config.dropout and (config.order == "report" or last)
        return [learned, *norm, layers.relu(), *([layers.dropout(config.dropout)] if drops else []), *after]

    first, second = config.channels
    return layers.serial(
        *part(layers.conv2d(first, 3, padding=1), layers.max_pool(2)),
        *part(layers.conv2d(second, 3, padding=1), layers.max_pool(2)),
        layers.flatten(),
        *part(layers.dense(128), last=True),
        layers.dense(CLASSES),
    )


def _residual(config: Config) -> Layer:
    first, second = config.channels
    body = layers.serial(
        layers.conv2d(first, 3, padding=1),
        layers.batch_norm(),
        layers.relu(),
        layers.conv2d(second, 3, padding=1),
        layers.batch_norm(),
    )
    return layers.serial(
        layers.residual(body, layers.serial(layers.conv2d(second, 1), layers.batch_norm())),
        layers.relu(),
        layers.avg_pool(4),
        layers.flatten(),
        layers.dense(128),
        layers.relu(),
        layers.dense(CLASSES),
    )


def train(config: Config, seed: int, directory: str | None, tell: OnProgress) -> Result:
    """Train, and test after every epoch; of a CNN with batch norms, also what `shifted` finds."""
    examples, test = arrays(config, directory)
    if config.augment:
        examples = augmented(config, seed, *examples)
    if not config.ink:
        examples, test = ((1 - x, labels) for x, labels in (examples, test))
    model, loss = net(config), losses.softmax_cross_entropy
    rule = optim.sgd(config.learning_rate) if config.optimizer == "sgd" else optim.adam(config.learning_rate)
    epoch = fit.shuffled(examples, config.batch)
    found = fit.fit(model, loss, rule, seed, epoch, config.epochs, tell, {"test": test})
    if found.diverged:
        return found.broken_off()
    ending = {name: found.rows[-1][name] for name in ("test_accuracy", "test_loss", "train_accuracy")}
    if config.batch_norm:
        ending |= shifted(model, found.state.params, seed, examples, test, config.batch)
    return Result(found.rows, ending)


def shifted(model: Layer, params: Params, seed: int, examples: Examples, test: Examples, batch: int) -> dict[str, Any]:
    """The variances in front of every batch norm, and what recomputed statistics bring.

    The variance there in training, with dropout, is what was remembered; without dropout it is another one.
    """
    key = rng.fold_in(rng.key(seed), "calibrate")
    batches = [found for i in range(2) for found in data.batches(rng.fold_in(key, i), examples, batch)]
    again = training.calibrate(slower(model), params, batches)
    calibrated = training.evaluate(model, again, test, ACCURACY, losses.softmax_cross_entropy, 500)
    probe = examples[0][:: max(1, len(examples[0]) // 1_000)][:1_000]
    variances = {}
    for path, before, own in norms(model, params):
        trained = variance(before.train(key), own, probe)
        evaluated = variance(before, own, probe)
        variances[path] = {"training": trained, "evaluation": evaluated, "ratio": trained / evaluated}
    return {
        "calibrated_accuracy": calibrated["accuracy"],
        "calibrated_loss": calibrated["loss"],
        "variances": variances,
        "worst_ratio": max((own["ratio"] for own in variances.values()), key=lambda ratio: abs(ratio - 1)),
    }


def slower(net: Layer, decay: float = 0.99) -> Layer:
    """The net with batch norms that average over more batches."""
    children = [layers.batch_norm(decay=decay) if child.name == "batch_norm" else child for _, child in net]
    return layers.serial(*children)


def norms(net: Layer, params: Params) -> Iterator[tuple[str, Layer, Params]]:
    """For every batch norm its path, the net in front of it and that net's params."""
    for i, (name, child) in enumerate(net):
        if child.name == "batch_norm":
            front = layers.serial(*(other for _, other in list(net)[:i]))
            yield name, front, tree.record("Serial", tuple(name for name, _ in list(net)[:i]))(*params[:i])


def variance(front: Layer, params: Params, x: Array) -> float:
    """Mean over channels of the variance of what a net gives."""
    y, _ = front.apply(params, x)
    return float(y.var(axis=(0, *range(2, y.ndim)), dtype=np.float64).mean())
