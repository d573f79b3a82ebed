"""R2: LeNet-5 with sigmoids and average pooling on all of MNIST; learning rates, batches, epochs, and what was left."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from statistics import fmean

import attrs

from experiments.engine import figures
from experiments.engine.study import (
    Claim,
    Measure,
    Run,
    Setting,
    Statement,
    StudyResults,
    at_epoch,
    final,
    first_mean,
    listed,
    of_differences,
    of_run,
)
from experiments.reports.r2.tasks import Config, memory, train
from fnnet.training import EarlyStoppingState, small_improvement


def quick(config: Config) -> Config:
    """One epoch on little; one cycle wants four steps."""
    return attrs.evolve(config, epochs=1, examples=128, looks=32)


def cost(config: Config) -> float:
    """Seconds on one core, from measured epochs."""
    each = {32: 80e-6, 64: 67e-6, 128: 69e-6, 256: 84e-6}[config.batch]
    return 1 + config.epochs * 60_000 * each


@attrs.frozen
class Stopped:
    """Reads a run where early stopping would have ended it: a stopped run is the beginning of the whole one.

    Args:
        threshold: least improvement from one epoch to the next.
        by: what improves: "train_loss", in nats, or "train_accuracy", as a fraction.
    """

    threshold: float
    by: str = "train_loss"

    def row(self, run: Run) -> dict[str, float]:
        """The last epoch that is trained."""
        rule, watch = small_improvement(self.threshold), EarlyStoppingState()
        sign = 1 if self.by == "train_loss" else -1
        for row in run.rows:
            watch = watch._replace(evaluations=watch.evaluations + 1, previous=watch.value, value=sign * row[self.by])
            if rule(watch):
                return row
        return run.rows[-1]

    def __call__(self, run: Run) -> float:
        """Test accuracy there."""
        return self.row(run)["test_accuracy"]


def _seconds(run: Run) -> float:
    return float(run.rows[0]["seconds"])


def _time(answers: StudyResults) -> list[str]:
    """Reported minutes against our seconds."""
    found = {label: list(answers.values(label).values()) for label in answers.runs}
    ratios = [
        60 * MINUTES[setting.config.batch] / fmean(found[setting.label])
        for setting in answers.study.settings
        if found[setting.label]
    ]
    if not ratios:
        return []
    return [
        f"An epoch is {min(ratios):,.0f} to {max(ratios):,.0f} times faster than reported (there on another machine)."
    ]


def _saved(answers: StudyResults) -> list[str]:
    """Epochs saved against accuracy lost."""
    sentences = []
    for setting in answers.study.settings:
        runs = list(answers.runs[setting.label].values())
        if isinstance(setting.read, Stopped) and runs:
            ends = [setting.read.row(run) for run in runs]
            saved = 1 - fmean(end["epoch"] / run.rows[-1]["epoch"] for end, run in zip(ends, runs, strict=True))
            lost = fmean(run.rows[-1]["test_accuracy"] - setting.read(run) for run in runs)
            sentences.append(
                f"{setting.label.capitalize()}: after {fmean(end['epoch'] for end in ends):.1f} epochs, "
                f"{saved:.0%} of the epochs saved for {100 * lost:.2f} points of accuracy.".replace("%", " %", 1)
            )
    return sentences


def _best_first(answers: StudyResults) -> list[str]:
    """Settings from best to worst."""
    means = {label: fmean(values.values()) for label in answers.runs if (values := answers.values(label))}
    order = sorted(means, key=lambda label: -means[label])
    return (
        [f"From best to worst: {', '.join(f'{label} ({100 * means[label]:.2f} %)' for label in order)}."]
        if order
        else []
    )


def _less_and_less(run: Run) -> float:
    """By how much more the accuracy on the training set rises from epoch 10 to 20 than from 40 to 50."""
    rise = [(at_epoch(b, ACCURACY)(run) or 0.0) - (at_epoch(a, ACCURACY)(run) or 0.0) for a, b in ((10, 20), (40, 50))]
    return rise[0] - rise[1]


def _falling(peak: float) -> Statement:
    """That a rate that falls does better."""
    shapes = list(SHAPES)[1:]
    return Statement(
        f"expected: a rate that falls from {peak} does better than a constant one (mean of {len(shapes)} shapes)",
        "R2 l.1659",
        "test accuracy less that of the constant rate, points",
        of_differences(*((1 / len(shapes), f"{words}, {peak}") for words in shapes), (-1, f"constant, {peak}")),
        scale=100,
    )


ACCURACY = "train_accuracy"
SMALL = (1e-5, 1e-7)  # rates
MINUTES = {32: 13, 64: 9, 128: 6, 256: 5}
RATES = {0.001: 0.9558, 0.0015: 0.9583, 0.002: 0.9615, 0.005: 0.9693}
BATCHES = {32: 0.9583, 64: 0.9572, 128: 0.9545, 256: 0.9484}
RATE_LINES = {0.001: 1557, 0.0015: 1558, 0.002: 1559, 0.005: 1560}
BATCH_LINES = {32: 1585, 64: 1586, 128: 1587, 256: 1588}
BASE = Config()
BEST = Config(batch=64, epochs=200)  # its first 10 and 50 epochs are the report's runs
LONG = Config(learning_rate=0.002, epochs=50)
HE = attrs.evolve(BASE, weights="he")
LOSSES = (0.01, 0.005, 0.002, 0.001)  # thresholds, nats
ACCURACIES = (0.003, 0.001, 0.0003)  # thresholds, fractions
SHAPES = {
    "constant": "constant",
    "halved at each quarter": "step",
    "exponential": "exponential",
    "inverse time": "inverse_time",
    "cosine": "cosine",
    "one cycle": "one_cycle",
}
CURVES = {"": figures.curves(figures.TRAIN_LOSS, figures.TEST_ACCURACY)}
SECONDS = Measure("seconds per epoch", _seconds, digits=2, higher=False)
SPEED = Measure("training loss of the first 5 epochs, mean, nats", first_mean(5, "train_loss"), digits=3, higher=False)
_study = partial(listed, task=train, data=("mnist",), seeds=range(3), figures=CURVES, cost=cost, quick=quick)
AFTER_TEN = at_epoch(10, "test_accuracy")
AFTER_FIFTY = at_epoch(50, "test_accuracy")
TEN_EPOCHS = {"": figures.curves(figures.TRAIN_LOSS, figures.TEST_ACCURACY, until=10)}
NORMAL = "Weights and biases begin standard normal (l.823–824, 1176–1178)."
BEGINNING = "Where a run of more epochs begins as one of 10 would, its tenth epoch is read."
SHORT, PEAKS, REFERENCE = 5, (0.01, 0.03), 0.005
BEST_50, BEST_10 = "rate 0.0015, batch 64, 50 epochs (best)", "rate 0.0015, batch 64, 10 epochs"
LONG_50, LONG_10 = "rate 0.002, batch 32, 50 epochs", "rate 0.002, batch 32, 10 epochs"
ACTIVATIONS = {  # the settings of one figure, by the weights that nets begin with
    "normal": ["sigmoid", "ReLU", "leaky ReLU, slope 0.01"]
    + [f"{words}, rate {rate:g}" for rate in SMALL for words in ("ReLU", "leaky ReLU")],
    "he": [f"{words}, He normal" for words in ("sigmoid", "ReLU", "leaky ReLU")],
}


def _pairs(labels: Sequence[str], line: str, *by: Measure | None) -> list[Claim]:
    """That each is better than the one behind it."""
    return [Claim(a, b, by=measure, line=line) for measure in by for a, b in pairwise(labels)]


STUDIES = (
    _study(
        "r2-learning-rate",
        settings=[
            *(
                Setting(
                    f"rate {rate}",
                    LONG if rate == LONG.learning_rate else Config(rate),
                    reported,
                    read=AFTER_TEN,
                    line=f"R2 l.{RATE_LINES[rate]}",
                    former=f"rate {rate}",
                )
                for rate, reported in RATES.items()
            ),
            *(Setting(f"rate {rate}", Config(rate), ours=True) for rate in (0.02, 0.1)),
            *(
                Setting(f"rate {rate}, He normal", attrs.evolve(HE, learning_rate=rate), ours=True)
                for rate in (0.0015, 0.005)
            ),
        ],
        claims=[
            *_pairs([f"rate {rate}" for rate in reversed(RATES)], "R2 l.1566", None),
            *_pairs([f"rate {rate}" for rate in reversed(RATES)], "R2 l.1570", SPEED),
            Claim("rate 0.02", "rate 0.1", line="R2 l.1572", says="expected: a rate that is too high does harm"),
            Claim("rate 0.0015, He normal", "rate 0.0015", ours=True),
            Claim("rate 0.005, He normal", "rate 0.005", ours=True),
        ],
        figures=TEN_EPOCHS,
        notes=f"{NORMAL} {BEGINNING} A rate that is too high was not tried there.",
    ),
    _study(
        "r2-batch",
        settings=[
            *(
                Setting(
                    f"batch {batch}",
                    BEST if batch == BEST.batch else Config(batch=batch),
                    reported,
                    read=AFTER_TEN,
                    line=f"R2 l.{BATCH_LINES[batch]}",
                    former=f"batch {batch}",
                )
                for batch, reported in BATCHES.items()
            ),
            Setting("batch 256, He normal", attrs.evolve(HE, batch=256), ours=True),
        ],
        claims=[
            *_pairs([f"batch {batch}" for batch in BATCHES], "R2 l.1599", None),
            Claim("batch 256, He normal", "batch 256", ours=True),
        ],
        figures=TEN_EPOCHS,
        notes=f"{NORMAL} {BEGINNING}",
    ),
    _study(
        "r2-epochs",
        settings=(
            Setting(LONG_10, LONG, 0.9615, read=AFTER_TEN, line="R2 l.1632", former=LONG_10),
            Setting(LONG_50, LONG, 0.9813, line="R2 l.1633", former=LONG_50),
            Setting(BEST_10, BEST, 0.9572, read=AFTER_TEN, line="R2 l.1634", former=BEST_10),
            Setting(BEST_50, BEST, 0.9817, read=AFTER_FIFTY, line="R2 l.1635", former=BEST_50),
            *(
                Setting(
                    f"rate 0.0015, batch 64, {epochs} epochs",
                    BEST,
                    0.99,
                    says="99 % (expected)",
                    bound=True,
                    read=at_epoch(epochs, "test_accuracy"),
                    line="R2 l.1543",
                )
                for epochs in (100, 200)
            ),
        ),
        claims=(
            Claim(LONG_50, LONG_10, line="R2 l.1637"),
            Claim(BEST_50, BEST_10, line="R2 l.1637"),
            Claim(BEST_50, LONG_50, line="R2 l.1531"),
            Claim("rate 0.0015, batch 64, 200 epochs", BEST_50, line="R2 l.1543", says="expected: more epochs help"),
            Statement(
                "the rise gets less and less",
                "R2 l.1639",
                "training accuracy: rise from epoch 10 to 20 less that from 40 to 50, points",
                of_run(BEST_50, _less_and_less),
                scale=100,
            ),
        ),
        figures={
            "": figures.curves(
                figures.TRAIN_LOSS, figures.TEST_ACCURACY, labels=(LONG_50, BEST_50), log=("train_loss",)
            )
        },
        notes=f"{NORMAL} {BEGINNING} The report expects 99 % after 100 to 200 epochs and did not try.",
    ),
    _study(
        "r2-time",
        settings=[
            Setting(
                f"batch {batch}",
                Config(batch=batch, epochs=1),
                60.0 * minutes,
                says=f"{minutes} min",
                line=f"R2 l.{BATCH_LINES[batch]}",
            )
            for batch, minutes in MINUTES.items()
        ],
        measure=SECONDS,
        claims=_pairs([f"batch {batch}" for batch in reversed(MINUTES)], "R2 l.1599", None),
        figures={},
        remarks=_time,
        notes="The first epoch, on one core with no other run beside it.",
        alone=True,
    ),
    listed(
        "r2-memory",
        task=memory,
        settings=[
            Setting(f"batch {batch}", Config(batch=batch), says="more" if batch > 32 else "", line="R2 l.671, 1599")
            for batch in BATCHES
        ],
        measure=Measure("MiB that a step holds at its most", final("peak"), digits=1, higher=False),
        claims=_pairs([f"batch {batch}" for batch in BATCHES], "R2 l.1599", None),
        seeds=range(3),
        quick=lambda config: attrs.evolve(config, batch=config.batch // 16),
        notes="What Python and NumPy allocate during one step of training, beside images and weights. The report "
        "expects it and did not measure. It is no matter of chance: seeds agree.",
    ),
    _study(
        "r2-schedule",
        settings=[
            Setting(f"constant {REFERENCE}", Config(REFERENCE), ours=True, read=at_epoch(SHORT, "test_accuracy")),
            *(
                Setting(f"{words}, {peak}", Config(peak, name, epochs=SHORT), ours=True)
                for peak in PEAKS
                for words, name in SHAPES.items()
            ),
        ],
        claims=[
            *(_falling(peak) for peak in PEAKS),
            *(
                Claim(f"{words}, {peak}", f"constant, {peak}", ours=True)
                for peak in PEAKS
                for words in list(SHAPES)[1:]
            ),
        ],
        figures={
            f"{peak}": figures.curves(
                figures.TRAIN_LOSS,
                figures.TEST_ACCURACY,
                labels=[f"{words}, {peak}" for words in SHAPES],
                log=("train_loss",),
            )
            for peak in PEAKS
        },
        remarks=_best_first,
        notes=f"{NORMAL} {SHORT} epochs, batch 32, each shape with the highest rates {' and '.join(map(str, PEAKS))}, "
        "since a rate that falls may begin higher. The rate is halved after each quarter, falls exponentially to a "
        f"hundredth, in inverse time to a tenth, by cosine and one cycle to nothing. Constant {REFERENCE}, the best of "
        "the report's rates, stands beside them.",
    ),
    _study(
        "r2-stopping",
        settings=(
            Setting("all 200 epochs", BEST, ours=True),
            *(
                Setting(f"loss falls by less than {threshold}", BEST, read=Stopped(threshold), ours=True)
                for threshold in LOSSES
            ),
            *(
                Setting(
                    f"accuracy rises by less than {100 * threshold:g} points",
                    BEST,
                    read=Stopped(threshold, ACCURACY),
                    ours=True,
                )
                for threshold in ACCURACIES
            ),
        ),
        claims=[
            Claim("all 200 epochs", label, ours=True, line="R2 l.1669")
            for label in (
                *(f"loss falls by less than {threshold}" for threshold in LOSSES),
                *(f"accuracy rises by less than {100 * threshold:g} points" for threshold in ACCURACIES),
            )
        ],
        figures={},
        remarks=_saved,
        notes=f"{NORMAL} Watched is the training loss per example, in nats, or the accuracy on the training set while "
        "it is trained. A stopped run is the beginning of the whole one, so all rows are read from the same runs. The "
        "rule is asked from the second epoch on: had the loss still been on a plateau, it would have stopped there.",
    ),
    _study(
        "r2-leaky-relu",
        settings=(
            Setting(
                "sigmoid", BASE, says="used", read=at_epoch(SHORT, "test_accuracy"), line="R2 l.1282", former="sigmoid"
            ),
            Setting(
                "ReLU",
                attrs.evolve(BASE, activation="relu", epochs=SHORT),
                says="named",
                line="R2 l.1675",
                former="ReLU",
            ),
            Setting(
                "leaky ReLU, slope 0.01",
                attrs.evolve(BASE, activation="leaky 0.01", epochs=SHORT),
                says="expected better",
                line="R2 l.1675",
                former="leaky ReLU, slope 0.01",
            ),
            *(
                Setting(
                    f"{words}, rate {rate:g}",
                    attrs.evolve(BASE, activation=name, epochs=SHORT, learning_rate=rate),
                    ours=True,
                )
                for rate in SMALL
                for words, name in (("ReLU", "relu"), ("leaky ReLU", "leaky 0.01"))
            ),
            Setting("sigmoid, He normal", HE, ours=True, read=at_epoch(SHORT, "test_accuracy")),
            Setting("ReLU, He normal", attrs.evolve(HE, activation="relu", epochs=SHORT), ours=True),
            Setting("leaky ReLU, He normal", attrs.evolve(HE, activation="leaky 0.01", epochs=SHORT), ours=True),
        ),
        claims=(
            Claim("leaky ReLU, slope 0.01", "ReLU", line="R2 l.1675", says="expected"),
            Claim("leaky ReLU, He normal", "ReLU, He normal", line="R2 l.1675", says="expected, from He's weights"),
            Claim("ReLU, He normal", "sigmoid, He normal", ours=True),
            *(Claim(f"leaky ReLU, rate {rate:g}", f"ReLU, rate {rate:g}", ours=True) for rate in SMALL),
        ),
        figures={
            weights: figures.curves(
                figures.TRAIN_LOSS, figures.TEST_ACCURACY, labels=labels, until=SHORT, log=("train_loss",)
            )
            for weights, labels in ACTIVATIONS.items()
        },
        notes=f"{NORMAL} {SHORT} epochs, rate {BASE.learning_rate}, batch {BASE.batch}. The report says ReLU (l.1675) "
        "where its code has a sigmoid (l.1282). Standard normal weights make the numbers in a net of ReLUs huge: what "
        "smaller rates give is in our rows, and what He's weights give.",
    ),
)
