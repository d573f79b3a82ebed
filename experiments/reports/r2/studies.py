"""R2: LeNet-5 with sigmoids and average pooling on all of MNIST; learning rates, batches, epochs, and what was left."""

from functools import partial
from statistics import fmean

import attrs

from experiments.engine import figures
from experiments.engine.study import Claim, Measure, Run, Setting, StudyResults, at_epoch, listed
from experiments.reports.r2.tasks import Config, train
from fnnet.training import EarlyStoppingState, small_improvement


def quick(config: Config) -> Config:
    """One epoch on little."""
    return attrs.evolve(config, epochs=1, examples=128, looks=64)


def cost(config: Config) -> float:
    """Seconds on one core, from measured epochs."""
    each = {32: 80e-6, 64: 67e-6, 128: 69e-6, 256: 84e-6}[config.batch]
    return 1 + config.epochs * 60_000 * each


@attrs.frozen
class Stopped:
    """Reads a run where early stopping would have ended it: a stopped run is the beginning of the whole one.

    Args:
        threshold: least improvement of the training loss from one epoch to the next, in nats.
    """

    threshold: float

    def row(self, run: Run) -> dict[str, float]:
        """The last epoch that is trained."""
        rule, watch = small_improvement(self.threshold), EarlyStoppingState()
        for row in run.rows:
            watch = watch._replace(evaluations=watch.evaluations + 1, previous=watch.value, value=row["train_loss"])
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


MINUTES = {32: 13, 64: 9, 128: 6, 256: 5}
RATES = {0.001: 0.9558, 0.0015: 0.9583, 0.002: 0.9615, 0.005: 0.9693}
BATCHES = {32: 0.9583, 64: 0.9572, 128: 0.9545, 256: 0.9484}
BASE = Config()
BEST = Config(batch=64, epochs=50)
LONG = Config(learning_rate=0.002, epochs=50)
THRESHOLDS = (0.01, 0.005, 0.002, 0.001)
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
_study = partial(listed, task=train, data=("mnist",), seeds=range(3), figures=CURVES, cost=cost, quick=quick)
AFTER_TEN = at_epoch(10, "test_accuracy")
TEN_EPOCHS = {"": figures.curves(figures.TRAIN_LOSS, figures.TEST_ACCURACY, until=10)}
SILENT = "The report does not say how weights begin; here He normal."
BEGINNING = "Where a run of 50 epochs begins as one of 10 would, its tenth epoch is read."
SHORT, PEAKS, REFERENCE = 5, (0.01, 0.03), 0.005

STUDIES = (
    _study(
        "r2-learning-rate",
        settings=[
            Setting(f"rate {rate}", LONG if rate == LONG.learning_rate else Config(rate), reported, read=AFTER_TEN)
            for rate, reported in RATES.items()
        ],
        claims=[Claim(f"rate {a}", f"rate {b}") for a, b in zip(list(RATES)[1:], list(RATES)[:-1], strict=True)],
        figures=TEN_EPOCHS,
        notes=f"{SILENT} {BEGINNING}",
    ),
    _study(
        "r2-batch",
        settings=[
            Setting(f"batch {batch}", BEST if batch == BEST.batch else Config(batch=batch), reported, read=AFTER_TEN)
            for batch, reported in BATCHES.items()
        ],
        claims=[Claim(f"batch {a}", f"batch {b}") for a, b in zip(list(BATCHES)[:-1], list(BATCHES)[1:], strict=True)],
        figures=TEN_EPOCHS,
        notes=f"{SILENT} {BEGINNING}",
    ),
    _study(
        "r2-epochs",
        settings=(
            Setting("rate 0.002, batch 32, 10 epochs", LONG, 0.9615, read=AFTER_TEN),
            Setting("rate 0.002, batch 32, 50 epochs", LONG, 0.9813),
            Setting("rate 0.0015, batch 64, 10 epochs", BEST, 0.9572, read=AFTER_TEN),
            Setting("rate 0.0015, batch 64, 50 epochs (best)", BEST, 0.9817),
        ),
        claims=(
            Claim("rate 0.002, batch 32, 50 epochs", "rate 0.002, batch 32, 10 epochs"),
            Claim("rate 0.0015, batch 64, 50 epochs (best)", "rate 0.0015, batch 64, 10 epochs"),
            Claim("rate 0.0015, batch 64, 50 epochs (best)", "rate 0.002, batch 32, 50 epochs"),
        ),
        figures={
            "": figures.curves(
                figures.TRAIN_LOSS,
                figures.TEST_ACCURACY,
                labels=("rate 0.002, batch 32, 50 epochs", "rate 0.0015, batch 64, 50 epochs (best)"),
                log=("train_loss",),
            )
        },
        notes=f"{SILENT} {BEGINNING}",
    ),
    _study(
        "r2-time",
        settings=[
            Setting(f"batch {batch}", Config(batch=batch, epochs=1), 60.0 * minutes, says=f"{minutes} min")
            for batch, minutes in MINUTES.items()
        ],
        measure=SECONDS,
        claims=[Claim(f"batch {b}", f"batch {a}") for a, b in zip(list(MINUTES)[:-1], list(MINUTES)[1:], strict=True)],
        figures={},
        remarks=_time,
        notes="The first epoch, on one core with no other run beside it.",
        alone=True,
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
            Claim(f"{words}, {peak}", f"constant, {peak}", ours=True) for peak in PEAKS for words in list(SHAPES)[1:]
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
        notes=f"{SHORT} epochs, batch 32, each shape with the highest rates {' and '.join(map(str, PEAKS))}, since a "
        "rate that falls may begin higher. The rate is halved after each quarter, falls exponentially to a hundredth, "
        f"in inverse time to a tenth, by cosine and one cycle to nothing. Constant {REFERENCE}, the best of the "
        "report's rates, stands beside them.",
    ),
    _study(
        "r2-stopping",
        settings=(
            Setting("all 50 epochs", BEST, ours=True),
            *(
                Setting(f"improvement below {threshold}", BEST, read=Stopped(threshold), ours=True)
                for threshold in THRESHOLDS
            ),
        ),
        claims=[Claim("all 50 epochs", f"improvement below {threshold}", ours=True) for threshold in THRESHOLDS],
        figures={},
        remarks=_saved,
        notes="Watched is the training loss per example, in nats. A stopped run is the beginning of the whole one, "
        "so all rows are read from the same runs. The rule is asked from the second epoch on: had the loss still been "
        "on a plateau, it would have stopped there.",
    ),
    _study(
        "r2-leaky-relu",
        settings=(
            Setting("sigmoid", BASE, ours=True, read=at_epoch(SHORT, "test_accuracy")),
            Setting("ReLU", attrs.evolve(BASE, activation="relu", epochs=SHORT), ours=True),
            Setting("leaky ReLU, slope 0.01", attrs.evolve(BASE, activation="leaky 0.01", epochs=SHORT), ours=True),
        ),
        claims=(
            Claim("ReLU", "sigmoid", ours=True),
            Claim("leaky ReLU, slope 0.01", "ReLU", ours=True),
        ),
        figures={"": figures.curves(figures.TRAIN_LOSS, figures.TEST_ACCURACY, until=SHORT, log=("train_loss",))},
        notes=f"{SHORT} epochs, rate {BASE.learning_rate}, batch {BASE.batch}.",
    ),
)
