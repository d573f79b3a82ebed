"""R4: a sine, twelve handwritten characters, convolutional nets, and batch norm with dropout."""

from collections.abc import Iterator
from functools import partial
from statistics import fmean
from typing import Any, Literal

import attrs
import numpy as np

from experiments.studies import figures, fit, nets, sources
from experiments.study import Answers, Claim, Measure, Result, Setting, Tell, final, listed, percent
from fnnet import data, layers, losses, optim, rng, training, tree
from fnnet.initializers import he_normal, xavier_normal
from fnnet.types import Array, Layer, Params

CLASSES = 12


# -- a sine ------------------------------------------------------------------------------------------------------------


@attrs.frozen
class Sine:
    """Settings of the regression; `points` are drawn from [-π, π] for training, the fit is looked at on a fine grid."""

    activation: str = "leaky 0.01"
    epochs: int = 800
    hidden: tuple[int, ...] = (16, 32)
    optimizer: Literal["sgd", "adam"] = "sgd"
    schedule: str = "constant"
    learning_rate: float = 0.01
    batch: int = 16
    points: int = 1_000


GRID = np.linspace(-np.pi, np.pi, 401, dtype=np.float32)[:, None]


def absolute_error(prediction: Array, target: Array) -> float:
    """Mean absolute error."""
    return float(np.abs(prediction - target).mean(dtype=np.float64))


def sine(config: Sine, seed: int, directory: str | None, tell: Tell) -> Result:
    """Fit sin on [-π, π] and look at it on a grid of 401 points."""
    from experiments.recipes import SCHEDULES

    model = nets.mlp(
        config.hidden, 1, config.activation, he_normal() if "leaky" in config.activation else xavier_normal()
    )
    x = rng.uniform(rng.fold_in(rng.key(seed), "points"), (config.points, 1), -np.pi, np.pi)
    steps = config.epochs * data.batch_count(config.points, config.batch)
    rate = SCHEDULES[config.schedule](config.learning_rate, steps)
    rule = optim.sgd(rate) if config.optimizer == "sgd" else optim.adam(rate)
    state, rows = fit.fit(
        model,
        losses.mean_squared_error,
        rule,
        seed,
        fit.shuffled((x, np.sin(x)), config.batch),
        config.epochs,
        tell,
        {"test": (GRID, np.sin(GRID))},
        {"error": absolute_error},
        every=max(1, config.epochs // 100),
    )
    fitted, _ = model.apply(state.params, GRID[::4])
    ending = {"error": rows[-1]["test_error"], "fit": fitted[:, 0].round(4).astype(float).tolist()}
    return Result([row for row in rows if "test_error" in row], ending)


def fits(answers: Answers) -> bytes:
    """The fit of the first seed of every setting beside the sine, and how far it is off."""
    made = figures.figure(9.6, 3.5)
    fit_axes, error_axes = made.subplots(1, 2)
    x = GRID[::4, 0]
    fit_axes.plot(x, np.sin(x), color="0.75", linewidth=4, label="sin x")
    for (label, runs), style in zip(answers.runs.items(), figures.STYLES, strict=False):
        for run in list(runs.values())[:1]:
            y = np.array(run.final["fit"])
            fit_axes.plot(x, y, linewidth=1.2, markersize=3, markevery=12, label=label, **style)
            error_axes.plot(x, y - np.sin(x), linewidth=1.2, markersize=3, markevery=12, label=label, **style)
    for axes, title in ((fit_axes, "fit"), (error_axes, "fit less sin x")):
        axes.set_xlabel("x, radians")
        axes.set_ylabel(title)
        figures.tidy(axes)
        axes.legend(frameon=False, fontsize=7)
    return figures.png(made)


# -- twelve characters -------------------------------------------------------------------------------------------------


@attrs.frozen
class Config:
    """Settings on the twelve characters.

    Args:
        net: "mlp", "cnn" or "residual".
        hidden: of the MLP.
        batch_norm, dropout: in the CNN, behind every convolution and the dense layer.
        order: of both together: "report" has dropout in front of further batch norms, "behind" only after the last.
        ink: whether ink is 1 and background 0; else the other way round.
        augment: whether a noisy, a shifted and a cropped copy of every image are added.
    """

    net: Literal["mlp", "cnn", "residual"] = "mlp"
    hidden: tuple[int, ...] = (256, 128)
    activation: str = "leaky 0.01"
    batch_norm: bool = False
    dropout: float = 0.0
    order: Literal["report", "behind"] = "report"
    ink: bool = True
    augment: bool = False
    optimizer: Literal["sgd", "adam"] = "sgd"
    learning_rate: float = 0.01
    batch: int = 64
    epochs: int = 30
    channels: tuple[int, int] = (32, 64)
    examples: int = 10_000


def arrays(config: Config, directory: str | None) -> tuple[fit.Arrays, fit.Arrays]:
    """520 of every class for training, 100 for test, always the same; pixels 0 and 1."""
    found = sources.load("hanzi", directory)
    parts = data.subset(found.train, slice(None, None, max(1, len(found.train.labels) // config.examples))), found.test
    train, test = ((data.scale(part.images), part.labels) for part in parts)
    if not config.ink:
        train, test = ((1 - x, labels) for x, labels in (train, test))
    return train, test


def augmented(seed: int, x: Array, labels: Array) -> fit.Arrays:
    """Four times the data: as they are, with noise on a few pixels, shifted, cropped and padded back."""
    key = rng.fold_in(rng.key(seed), "augment")
    few = partial(data.noise, dark=0.02, light=0.02)
    return data.with_copies(key, x, labels, [few, data.shift, data.crop])


def net(config: Config) -> Layer:
    """The net of a setting."""
    return {"mlp": _mlp, "cnn": _cnn, "residual": _residual}[config.net](config)


def _mlp(config: Config) -> Layer:
    dropout = (lambda: layers.dropout(config.dropout)) if config.dropout else None
    return nets.mlp(config.hidden, CLASSES, config.activation, he_normal(), dropout)


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


def fitted(config: Config, seed: int, directory: str | None, tell: Tell) -> tuple[fit.Fit, fit.Arrays, fit.Arrays]:
    """The trained state, and the arrays."""
    train_arrays, test = arrays(config, directory)
    if config.augment:
        train_arrays = augmented(seed, *train_arrays)
    rule = optim.sgd(config.learning_rate) if config.optimizer == "sgd" else optim.adam(config.learning_rate)
    epoch = fit.shuffled(train_arrays, config.batch)
    done = fit.fit(net(config), losses.softmax_cross_entropy, rule, seed, epoch, config.epochs, tell, {"test": test})
    return done, train_arrays, test


def train(config: Config, seed: int, directory: str | None, tell: Tell) -> Result:
    """Train, and test after every epoch."""
    (_, rows), _, _ = fitted(config, seed, directory, tell)
    half = next((row["epoch"] for row in rows if row["train_accuracy"] > 0.5), None)
    ending = {name: rows[-1][name] for name in ("test_accuracy", "train_accuracy")}
    last = [row["test_accuracy"] for row in rows[-max(1, len(rows) // 3) :]]
    return Result(rows, {**ending, "half": half, "unsteadiness": float(np.std(last))})


def cure(config: Config, seed: int, directory: str | None, tell: Tell) -> Result:
    """Train a net with batch norm and dropout; measure variances in front of every batch norm; recompute statistics.

    The variance there in training, with dropout, is what was remembered; without dropout it is another one.
    """
    (state, rows), examples, test = fitted(config, seed, directory, tell)
    model = net(config)
    key = rng.fold_in(rng.key(seed), "calibrate")
    batches = [batch for i in range(2) for batch in data.batches(rng.fold_in(key, i), examples, config.batch)]
    again = training.calibrate(slower(model), state.params, batches)
    calibrated = training.evaluate(model, again, test, fit.ACCURACY, losses.softmax_cross_entropy, 500)
    probe = examples[0][:: max(1, len(examples[0]) // 1_000)][:1_000]
    variances = {}
    for path, before, own in norms(model, state.params):
        trained = variance(before.train(key), own, probe)
        evaluated = variance(before, own, probe)
        variances[path] = {"training": trained, "evaluation": evaluated, "ratio": trained / evaluated}
    ending = {
        "test_accuracy": rows[-1]["test_accuracy"],
        "test_loss": rows[-1]["test_loss"],
        "calibrated_accuracy": calibrated["accuracy"],
        "calibrated_loss": calibrated["loss"],
        "variances": variances,
        "worst_ratio": max((own["ratio"] for own in variances.values()), key=lambda ratio: abs(ratio - 1)),
    }
    return Result(rows, ending)


def slower(net: Layer, decay: float = 0.99) -> Layer:
    """The net with batch norms that average over more batches."""
    children = [layers.batch_norm(decay=decay) if child.name == "batch_norm" else child for _, child in net.children]
    return layers.serial(*children)


def norms(net: Layer, params: Params) -> Iterator[tuple[str, Layer, Params]]:
    """For every batch norm its path, the net in front of it and that net's params."""
    for i, (name, child) in enumerate(net.children):
        if child.name == "batch_norm":
            front = layers.serial(*(other for _, other in net.children[:i]))
            yield name, front, tree.record("Serial", tuple(name for name, _ in net.children[:i]))(*params[:i])


def variance(front: Layer, params: Params, x: Array) -> float:
    """Mean over channels of the variance of what a net gives."""
    y, _ = front.apply(params, x)
    return float(y.var(axis=(0, *range(2, y.ndim)), dtype=np.float64).mean())


def shift(answers: Answers) -> bytes:
    """The variance in front of every batch norm, training over evaluation."""
    made = figures.figure(6.4, 3.4)
    axes = made.subplots()
    for (label, runs), style in zip(answers.runs.items(), figures.STYLES, strict=False):
        ratios = [[own["ratio"] for own in run.final["variances"].values()] for run in runs.values()]
        if ratios and label in SHIFTED:
            names = list(next(iter(runs.values())).final["variances"])
            axes.plot(range(len(names)), np.mean(ratios, axis=0), linewidth=1.3, label=label, **style)
            axes.set_xticks(range(len(names)), [name.replace("batch_norm_", "batch norm ") for name in names])
    axes.axhline(1, color="0.7", linewidth=0.8)
    axes.set_xlabel("place, from input to output")
    axes.set_ylabel("variance in training / in evaluation")
    figures.tidy(axes)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=8)
    return figures.png(made)


def quick(config: Any) -> Any:
    """A moment."""
    if isinstance(config, Sine):
        return attrs.evolve(config, epochs=2, points=64)
    return attrs.evolve(config, epochs=1, examples=72, channels=(3, 4), hidden=tuple(min(n, 16) for n in config.hidden))


def cost(config: Any) -> float:
    """Seconds on one core, from measured epochs."""
    if isinstance(config, Sine):
        return config.epochs * (config.points / config.batch) * 270e-6
    each = {"mlp": 30e-6, "cnn": 650e-6, "residual": 2.5e-3}[config.net]
    return (
        config.epochs
        * 6_240
        * (4 if config.augment else 1)
        * each
        * (1.4 if config.batch_norm or config.dropout else 1)
    )


def _variances(answers: Answers) -> list[str]:
    """What was measured."""
    sentences = []
    for label in SHIFTED:
        runs = list(answers.runs[label].values())
        if runs:
            names = list(runs[0].final["variances"])
            listed = ", ".join(
                f"{fmean(run.final['variances'][name]['ratio'] for run in runs):.2f} at {name.replace('_', ' ')}"
                for name in names
            )
            sentences.append(f"{label}: variance in training over variance in evaluation is {listed}.")
    return sentences


MLP, CNN = Config(), Config("cnn", activation="relu", optimizer="adam", learning_rate=0.001, epochs=20)
NORMED = attrs.evolve(CNN, batch_norm=True)
RATE = 0.5
BOTH = attrs.evolve(NORMED, dropout=RATE)
BEHIND = attrs.evolve(BOTH, order="behind")
SHIFTED = ("both, as in the report", "both, dropout behind the last batch norm")
ERROR = Measure("mean absolute error", final("error"), digits=5, higher=False)
TRAIN_ACCURACY = percent("training accuracy", "train_accuracy")
HALF = Measure("epochs to 50 % in training", final("half"), digits=1, higher=False)
UNSTEADY = Measure("unsteadiness, points", final("unsteadiness"), 100, higher=False)
CURVES = {"": figures.curves(figures.TRAIN_LOSS, figures.TEST_ACCURACY)}
_study = partial(
    listed,
    task=train,
    data=("hanzi",),
    columns=(TRAIN_ACCURACY, HALF, UNSTEADY),
    figures=CURVES,
    cost=cost,
    quick=quick,
)
_images = partial(_study, seeds=range(3), columns=(TRAIN_ACCURACY,))
UNSTEADINESS = "Unsteadiness is the standard deviation of the test accuracy over the last third of the epochs."

STUDIES = (
    listed(
        "r4-sine",
        task=sine,
        settings=(
            Setting("leaky ReLU, 800 epochs", Sine(), 0.00645),
            Setting("sigmoid, 800 epochs", Sine("sigmoid"), says="visibly worse"),
            Setting("sigmoid, 1,000 epochs", Sine("sigmoid", 1_000), says="improves with epochs"),
        ),
        measure=ERROR,
        claims=(
            Claim("leaky ReLU, 800 epochs", "sigmoid, 800 epochs"),
            Claim("sigmoid, 1,000 epochs", "sigmoid, 800 epochs"),
        ),
        figures={
            "fit": fits,
            "": figures.curves(("test_error", "mean absolute error", 1.0), log=("test_error",)),
        },
        cost=cost,
        quick=quick,
        notes="Batch 16, rate 0.01; 1,000 points drawn from the interval (the report gives no number), looked at "
        "on a grid.",
    ),
    _study(
        "r4-activation",
        settings=(
            Setting("leaky ReLU", MLP, says="faster, higher"),
            Setting("sigmoid", attrs.evolve(MLP, activation="sigmoid"), says="slower, lower"),
        ),
        claims=(Claim("leaky ReLU", "sigmoid"),),
        notes=f"520 for training and 100 for test of each class. {UNSTEADINESS}",
    ),
    _study(
        "r4-hidden",
        settings=[
            Setting(", ".join(map(str, hidden)), attrs.evolve(MLP, hidden=hidden), says=says)
            for hidden, says in (
                ((256, 128), "converges"),
                ((128, 128), "converges"),
                ((512, 128), "faster"),
                ((256,), "steadier"),
            )
        ],
        claims=(Claim("512, 128", "256, 128"), Claim("256, 128", "128, 128"), Claim("256", "256, 128", ours=True)),
        notes=UNSTEADINESS,
    ),
    _study(
        "r4-batch",
        settings=(
            Setting("batch 64", MLP, says="better"),
            Setting("batch 256", attrs.evolve(MLP, batch=256), says="worse"),
            Setting("batch 64, dropout 0.1", attrs.evolve(MLP, dropout=0.1), says="slightly better"),
        ),
        claims=(Claim("batch 64", "batch 256"), Claim("batch 64, dropout 0.1", "batch 64")),
    ),
    _study(
        "r4-ink",
        settings=(
            Setting("ink = 1", MLP, says="large gain"),
            Setting("background = 1", attrs.evolve(MLP, ink=False), says="lower"),
        ),
        claims=(Claim("ink = 1", "background = 1"),),
    ),
    _images(
        "r4-cnn",
        settings=(
            Setting("MLP", attrs.evolve(MLP, optimizer="adam", learning_rate=0.001, epochs=20), says="lowest"),
            Setting("CNN", CNN, says="far above the MLP"),
            Setting("residual CNN", attrs.evolve(CNN, net="residual"), says="better again"),
        ),
        claims=(Claim("CNN", "MLP"), Claim("residual CNN", "CNN")),
        notes="20 epochs of Adam at 0.001, batch 64, for all three.",
    ),
    _images(
        "r4-norm-dropout",
        task=cure,
        settings=(
            Setting("batch norm", NORMED, says="helps"),
            Setting("both, as in the report", BOTH, says="worse in evaluation"),
            Setting("both, statistics recomputed", BOTH, ours=True, read=final("calibrated_accuracy")),
            Setting("both, dropout behind the last batch norm", BEHIND, ours=True),
            Setting("both, behind, statistics recomputed", BEHIND, ours=True, read=final("calibrated_accuracy")),
        ),
        claims=(
            Claim("batch norm", "both, as in the report"),
            Claim("both, statistics recomputed", "both, as in the report", ours=True),
            Claim("both, dropout behind the last batch norm", "both, as in the report", ours=True),
        ),
        columns=(Measure("variance ratio furthest from 1", final("worst_ratio")),),
        figures={
            "": figures.curves(figures.TRAIN_LOSS, figures.TEST_ACCURACY, labels=("batch norm", *SHIFTED)),
            "variance": shift,
        },
        remarks=_variances,
        notes=f"Dropout {RATE} behind every ReLU; the report does not give the rate. Batch norm's remembered "
        "variance is that of training, where dropout adds to it. Cure one: statistics found again with dropout off "
        "(`training.calibrate`). Cure two: no batch norm behind a dropout.",
    ),
    _images(
        "r4-augmentation",
        settings=(
            Setting("MLP", MLP),
            Setting("MLP, four times the data", attrs.evolve(MLP, augment=True), says="done"),
            Setting("MLP, four times the epochs", attrs.evolve(MLP, epochs=120), ours=True),
            Setting("CNN", CNN),
            Setting("CNN, four times the data", attrs.evolve(CNN, augment=True), says="done"),
        ),
        claims=(
            Claim("MLP, four times the data", "MLP", ours=True),
            Claim("MLP, four times the data", "MLP, four times the epochs", ours=True),
            Claim("CNN, four times the data", "CNN", ours=True),
        ),
        notes="Noise on 4 % of the pixels, shifts by up to 2, 22×22 crops padded back, added to the originals.",
    ),
    _images(
        "r4-dropout",
        settings=(
            Setting("CNN", CNN, says="lower"),
            Setting("CNN with dropout", attrs.evolve(CNN, dropout=RATE), says="helps"),
            Setting("CNN with batch norm", NORMED, says="helps"),
        ),
        claims=(Claim("CNN with dropout", "CNN"), Claim("CNN with batch norm", "CNN")),
    ),
)
