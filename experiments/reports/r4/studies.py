"""R4: a sine, twelve handwritten characters, convolutional nets, and batch norm with dropout."""

from functools import partial
from statistics import fmean
from typing import Any

import attrs
import numpy as np

from experiments.engine import figures
from experiments.engine.study import (
    Claim,
    Measure,
    Setting,
    StudyResults,
    deviation_from_trend,
    final,
    first_mean,
    listed,
    percent,
)
from experiments.reports.r4.tasks import GRID, Config, Sine, sine, train
from fnnet.runs import style


@style.drawn
def fits(answers: StudyResults) -> bytes:
    """The fit of the first seed of every setting beside the sine, and how far it is off."""
    made = style.figure(9.6, 3.5)
    fit_axes, error_axes = made.subplots(1, 2)
    x = GRID[::4, 0]
    fit_axes.plot(x, np.sin(x), color="0.75", linewidth=4, label="sin x")
    for (label, runs), series in zip(answers.runs.items(), style.SERIES, strict=False):
        for run in list(runs.values())[:1]:
            y = np.array(run.final["fit"])
            fit_axes.plot(x, y, linewidth=1.2, markersize=3, markevery=12, label=label, **series)
            error_axes.plot(x, y - np.sin(x), linewidth=1.2, markersize=3, markevery=12, label=label, **series)
    for axes, title in ((fit_axes, "fit"), (error_axes, "fit less sin x")):
        axes.set_xlabel("x, radians")
        axes.set_ylabel(title)
        style.tidy(axes)
        axes.legend(frameon=False, fontsize=7)
    return style.png(made)


@style.drawn
def shift(answers: StudyResults) -> bytes:
    """The variance in front of every batch norm, training over evaluation."""
    made = style.figure(6.4, 3.4)
    axes = made.subplots()
    for label, series in zip(SHIFTED, style.SERIES[1:], strict=False):  # as in the curves, which draw one before them
        runs = answers.runs[label]
        ratios = [[own["ratio"] for own in run.final["variances"].values()] for run in runs.values()]
        if ratios:
            names = list(next(iter(runs.values())).final["variances"])
            axes.plot(range(len(names)), np.mean(ratios, axis=0), linewidth=1.3, label=label, **series)
            axes.set_xticks(range(len(names)), [name.replace("batch_norm_", "batch norm ") for name in names])
    axes.axhline(1, color="0.7", linewidth=0.8)
    axes.set_xlabel("place, from input to output")
    axes.set_ylabel("variance in training / in evaluation")
    style.tidy(axes)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=8)
    return style.png(made)


def quick(config: Any) -> Any:
    """A moment."""
    if isinstance(config, Sine):
        return attrs.evolve(config, epochs=2, points=64)
    return attrs.evolve(config, epochs=1, examples=72, channels=(3, 4), hidden=tuple(min(n, 16) for n in config.hidden))


def cost(config: Any) -> float:
    """Seconds on one core, from measured epochs."""
    if isinstance(config, Sine):
        return 0.3 + config.epochs * (config.points / config.batch) * (260e-6 if config.optimizer == "adam" else 210e-6)
    each = {"mlp": 10e-6 + 37e-9 * sum(config.hidden), "cnn": 510e-6, "residual": 1.95e-3}[config.net]
    each *= 1 + 0.14 * config.batch_norm + 0.22 * (config.dropout > 0)
    return 0.5 + config.epochs * 6_240 * (4 if config.augment else 1) * each


def _variances(answers: StudyResults) -> list[str]:
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
            sentences.append(f"“{label}”: variance in training over variance in evaluation is {listed}.")
    return sentences


MLP, CNN = Config(), Config("cnn", activation="relu", optimizer="adam", learning_rate=0.001, epochs=20)

NORMED = attrs.evolve(CNN, batch_norm=True)
RATE = 0.5
BOTH = attrs.evolve(NORMED, dropout=RATE)
BEHIND = attrs.evolve(BOTH, order="behind")
SHIFTED = ("both, as in the report", "both, dropout behind the last batch norm")
ERROR = Measure("mean absolute error", final("error"), digits=5, higher=False)
TRAIN_ACCURACY = percent("training accuracy during the last epoch", "train_accuracy")
SPEED = Measure(
    "training loss of the first 10 epochs, mean, nats", first_mean(10, "train_loss"), digits=3, higher=False
)
UNSTEADINESS = Measure(
    "deviation of the test accuracy from its trend, points",
    deviation_from_trend("test_accuracy", 1 / 3),
    100,
    higher=False,
)
CURVES = {"": figures.curves(figures.TRAIN_LOSS, figures.TEST_ACCURACY)}
_study = partial(
    listed,
    task=train,
    data=("hanzi",),
    columns=(TRAIN_ACCURACY, SPEED, UNSTEADINESS),
    figures=CURVES,
    cost=cost,
    quick=quick,
)
_images = partial(_study, seeds=range(3), columns=(TRAIN_ACCURACY,))
PLAIN = (
    f"{MLP.epochs} epochs of plain descent at {MLP.learning_rate}. That deviation is how far the test accuracy "
    "strays from a straight line over the last third of the epochs, root mean square."
)
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
        claims=(Claim("leaky ReLU", "sigmoid"), Claim("leaky ReLU", "sigmoid", by=SPEED)),
        notes=f"520 for training and 100 for test of each class. He normal weights for both. {PLAIN}",
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
        claims=(
            Claim("512, 128", "256, 128", by=SPEED),
            Claim("256, 128", "128, 128", by=SPEED),
            Claim("256", "256, 128", by=UNSTEADINESS),
            Claim("512, 128", "256, 128", ours=True),
            Claim("256", "256, 128", ours=True),
        ),
        notes=PLAIN,
    ),
    _study(
        "r4-batch",
        settings=(
            Setting("batch 64", MLP, says="better"),
            Setting("batch 256", attrs.evolve(MLP, batch=256), says="worse"),
            Setting("batch 64, dropout 0.1", attrs.evolve(MLP, dropout=0.1), says="slightly better"),
        ),
        claims=(Claim("batch 64", "batch 256"), Claim("batch 64, dropout 0.1", "batch 64")),
        notes=f"{PLAIN} The gradient is the mean over the batch, so a batch of 256 makes a quarter of the steps.",
    ),
    _study(
        "r4-ink",
        settings=(
            Setting("ink = 1", MLP, says="large gain"),
            Setting("background = 1", attrs.evolve(MLP, ink=False), says="lower"),
        ),
        claims=(Claim("ink = 1", "background = 1"),),
        notes=PLAIN,
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
        seeds=range(5),
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
        columns=(),
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
        ),
        claims=(
            Claim("MLP, four times the data", "MLP", ours=True),
            Claim("MLP, four times the data", "MLP, four times the epochs", ours=True),
        ),
        seeds=range(5),
        notes="Noise on 4 % of the pixels, shifts by up to 2, 22×22 crops padded back, added to the originals. "
        "How much random changes in every batch help the CNN is in `best-hanzi-search`.",
    ),
    _images(
        "r4-dropout",
        seeds=range(5),
        settings=(
            Setting("CNN", CNN, says="lower"),
            Setting("CNN with dropout", attrs.evolve(CNN, dropout=RATE), says="helps"),
            Setting("CNN with batch norm", NORMED, says="helps"),
        ),
        claims=(Claim("CNN with dropout", "CNN"), Claim("CNN with batch norm", "CNN")),
    ),
)
