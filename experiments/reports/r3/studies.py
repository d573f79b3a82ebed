"""R3: a small library on digits.mat, trained as its author did: each step sees one random sample of a batch of 32."""

from functools import partial
from statistics import fmean
from typing import Any

import attrs
import numpy as np

from experiments.engine import figures
from experiments.engine.remarks import TIMED, times_faster
from experiments.engine.statistics import paired
from experiments.engine.study import (
    Claim,
    Measure,
    Run,
    Setting,
    StudyResults,
    at_epoch,
    deviation_from_trend,
    final,
    listed,
    percent,
)
from experiments.reports import bias, timing
from experiments.reports.r3.tasks import LARGE, Config, Large, build, fine_tune, show, train
from fnnet.training import EarlyStoppingState, relative_rise


def page(answers: StudyResults) -> bytes:
    """The pictures of the first seed of every setting."""
    runs = {label: next(iter(found.values())) for label, found in answers.runs.items() if found}
    return figures.pictures([np.array(run.final["pictures"]) for run in runs.values()], list(runs))


def quick(config: Any) -> Any:
    """A moment."""
    if isinstance(config, Large):
        return attrs.evolve(config, steps=2, batch=4, examples=40)
    return attrs.evolve(config, epochs=2, every=1, examples=40, hidden=tuple(min(n, 12) for n in config.hidden))


def cost(config: Any) -> float:
    """Seconds on one core, from measured epochs."""
    if isinstance(config, Large):
        return 0.5 + config.steps * 0.011
    step = 145e-6 + 55e-6 * len(config.hidden) + 0.4e-6 * max(config.hidden) + 200e-6 * config.convolution
    step += 35e-6 * (config.penalty > 0) + 120e-6 * (config.dropout > 0)
    look = 6_000 * (4e-6 if config.convolution else 0.5e-6 + 6e-9 * sum(config.hidden))
    return 0.3 + config.epochs * (157 * (step if config.sampled else 4 * step) + look / config.every)


@attrs.frozen
class Stopped:
    """Reads a run where its validation error exceeds its minimum by more than a part of it; gives the best epoch's."""

    threshold: float

    def rows(self, run: Run) -> tuple[dict[str, Any], dict[str, Any]]:
        """The row with the least validation error so far, and the row at which training is stopped."""
        rule, watch = relative_rise(self.threshold), EarlyStoppingState()
        best = run.rows[0]
        for row in run.rows:
            error = 1 - row["valid_accuracy"]
            if error < watch.best:
                best, watch = row, watch._replace(best=error)
            if rule(watch._replace(value=error)):
                return best, row
        return best, run.rows[-1]

    def __call__(self, run: Run) -> float:
        """Test accuracy of the params that are given back."""
        return self.rows(run)[0]["test_accuracy"]


def _stops(answers: StudyResults) -> list[str]:
    """Where the rule stops."""
    sentences = []
    for setting in answers.study.settings:
        runs = list(answers.runs[setting.label].values())
        if isinstance(setting.read, Stopped) and runs:
            pairs = [setting.read.rows(run) for run in runs]
            stopped = [row["epoch"] for _, row in pairs]
            best = fmean(row["epoch"] for row, _ in pairs)
            never = sum(epoch == run.rows[-1]["epoch"] for epoch, run in zip(stopped, runs, strict=True))
            sentences.append(
                f"“{setting.label}”: training ends after {fmean(stopped):,.0f} epochs on average (reported: 783)"
                f"{f', in {never} of {len(runs)} runs at the very last' if never else ''}; the parameters kept are "
                f"those after {best:,.0f}."
            )
    runs = list(answers.runs["after 2,000 epochs"].values())
    if runs:
        least = fmean(min(row["valid_loss"] for row in run.rows) for run in runs)
        last = fmean(run.rows[-1]["valid_loss"] for run in runs)
        sentences.append(
            f"The validation loss without penalty is {least:.3f} nats at its least and {last:.3f} after all epochs: "
            "over-fitting shows there before it shows in the accuracy."
        )
    return sentences


def _momentum(answers: StudyResults) -> list[str]:
    """Whether it helps more on the deeper net."""
    gains = {}
    for name in ("one hidden layer", "three hidden layers"):
        on, off = answers.values(f"{name}, momentum 0.9"), answers.values(f"{name}, momentum 0")
        gains[name] = {seed: on[seed] - off[seed] for seed in on if seed in off}
    more = paired(gains["three hidden layers"], gains["one hidden layer"])
    if more is None:
        return []
    word = {1: "more", 0: "neither more nor less, within the noise,", -1: "less"}[more.verdict]
    gain = f"{100 * more.mean:+.2f} ± {100 * more.half:.2f}".replace("-", "−")
    return [
        f"Momentum helps {word} on the deeper net: the gain there less the gain on the shallow one is {gain} points, "
        "at this rate and length (reported: helps more)."
    ]


def _solvers(answers: StudyResults) -> list[str]:
    """Whether the normal equations could be solved."""
    runs = list(answers.runs["before"].values())
    failed = sum(run.final["normal equations"] is None for run in runs)
    return [f"The normal equations were singular for {failed} of {len(runs)} seeds."]


def _parameters(answers: StudyResults) -> list[str]:
    """That the nets have the right shape and learn."""
    return [
        f"{label}: {run.final['parameters']:,} parameters, output {tuple(run.final['outputs'])} for one image; "
        "the loss "
        f"falls from {fmean(r.final['first_loss'] for r in runs.values()):.2f} to "
        f"{fmean(r.final['last_loss'] for r in runs.values()):.2f} nats."
        for label, runs in answers.runs.items()
        for run in list(runs.values())[:1]
    ]


UNSTEADINESS = Measure(
    "deviation of the training loss from its trend, nats",
    deviation_from_trend("train_loss", 0.5),
    digits=4,
    higher=False,
)
VALID_ACCURACY = percent("validation accuracy", "valid_accuracy")
TRAIN_ACCURACY = percent("training accuracy", "train_accuracy")
CURVES = {"": figures.curves(figures.TRAIN_LOSS, figures.VALID_ACCURACY)}
BASE = Config()
LONG = Config(epochs=2_000, every=10)
DEEP = Config(hidden=(64, 64, 64))
PLAIN = "One hidden layer of 64, rate 0.01, 100 epochs."
_study = partial(
    listed,
    task=train,
    data=("digits.mat",),
    columns=(VALID_ACCURACY,),
    figures=CURVES,
    cost=cost,
    quick=quick,
)
SIZES = (16, 64, 128)
MILLISECONDS = Measure("milliseconds", final("milliseconds"), digits=4, higher=False)
ARITHMETIC = {
    "exact fractions": bias.Config("fractions", (3, 3, 2), 4, 3),
    "float64": bias.Config("float64", (256, 64, 10), 100, 32),
    "float32": bias.Config("float32", (256, 64, 10), 100, 32),
}


def _proof(answers: StudyResults) -> list[str]:
    """Equal, not just close."""
    exact = list(answers.runs["exact fractions"].values())
    if not exact:
        return []
    if any(row["difference"] for run in exact for row in run.rows):
        return ["In exact arithmetic the two nets differ: they are not the same."]
    config = ARITHMETIC["exact fractions"]
    return [
        f"In exact arithmetic all parameters of a net {'-'.join(map(str, config.widths))} are equal after each of "
        f"{config.steps} steps, for all {len(exact)} seeds: the two are the same net. What differs in floating point "
        "is rounding alone."
    ]


STUDIES = (
    _study(
        "r3-nets",
        settings=(
            Setting("one hidden layer (64), 100 epochs", BASE, 0.928),
            Setting(
                "two hidden layers (128, 64), 2,000 epochs",
                attrs.evolve(LONG, hidden=(128, 64)),
                0.95,
                says="> 95 %",
                bound=True,
            ),
            Setting(
                "convolution, then 64, 1,000 epochs",
                attrs.evolve(LONG, convolution=True, epochs=1_000, every=50),
                0.95,
                says="> 95 %",
                bound=True,
            ),
            Setting("one hidden layer (64), 2,000 epochs", LONG, ours=True),
            Setting("one hidden layer (16), 100 epochs", attrs.evolve(BASE, hidden=(16,)), ours=True),
            Setting("one hidden layer (256), 100 epochs", attrs.evolve(BASE, hidden=(256,)), ours=True),
            Setting("two hidden layers (128, 64), 100 epochs", attrs.evolve(BASE, hidden=(128, 64)), ours=True),
            Setting("convolution, then 64, 100 epochs", attrs.evolve(BASE, convolution=True), ours=True),
        ),
        seeds=range(3),
        claims=(
            Claim("two hidden layers (128, 64), 2,000 epochs", "one hidden layer (64), 100 epochs"),
            Claim("convolution, then 64, 1,000 epochs", "one hidden layer (64), 100 epochs"),
            Claim("two hidden layers (128, 64), 2,000 epochs", "one hidden layer (64), 2,000 epochs", ours=True),
            Claim("one hidden layer (256), 100 epochs", "one hidden layer (16), 100 epochs", ours=True),
            Claim("convolution, then 64, 100 epochs", "one hidden layer (64), 100 epochs", ours=True),
        ),
        figures={
            "": figures.curves(
                figures.TRAIN_LOSS,
                figures.VALID_ACCURACY,
                labels=("two hidden layers (128, 64), 2,000 epochs", "convolution, then 64, 1,000 epochs"),
            )
        },
        notes="A step sees one random sample of a batch of 32, so an epoch is 157 samples, and 100 epochs are "
        "three times through the data. The report's larger nets had at most 2,000 epochs. "
        "Rate 0.01, ReLU and He are ours; the report gives none.",
    ),
    _study(
        "r3-momentum",
        settings=[
            Setting(
                f"{name}, momentum {momentum:g}",
                attrs.evolve(config, momentum=momentum, learning_rate=0.001),
                says=says,
            )
            for name, config in (("one hidden layer", BASE), ("three hidden layers", DEEP))
            for momentum, says in ((0.0, ""), (0.9, "helps"))
        ]
        + [Setting("one hidden layer, momentum 0, ten times the rate", BASE, ours=True)],
        claims=[
            *(
                Claim(f"{name}, momentum 0.9", f"{name}, momentum 0", by=by)
                for by in (None, UNSTEADINESS)
                for name in ("one hidden layer", "three hidden layers")
            ),
            *(
                Claim(
                    "one hidden layer, momentum 0.9",
                    "one hidden layer, momentum 0, ten times the rate",
                    ours=True,
                    by=by,
                )
                for by in (None, UNSTEADINESS)
            ),
        ],
        columns=(VALID_ACCURACY, UNSTEADINESS),
        remarks=_momentum,
        notes="Rate 0.001, 100 epochs, hidden layers of 64. Momentum 0.9 makes steps ten times as long in the end; our "
        "last row gives plain descent the same length. That deviation is how far the loss strays from a straight "
        "line over the second half of the epochs, root mean square.",
    ),
    listed(
        "r3-loops",
        task=timing.product,
        settings=[
            Setting(
                f"{n}×{n}, {how}", timing.Product(how, n), says="timed" if how != "rows" else "", ours=how == "rows"
            )
            for n in SIZES
            for how in ("loops", "rows", "arrays")
        ],
        measure=MILLISECONDS,
        claims=[Claim(f"{n}×{n}, arrays", f"{n}×{n}, loops") for n in SIZES],
        remarks=times_faster(*((f"{n}×{n}, arrays", f"{n}×{n}, loops") for n in SIZES)),
        notes=TIMED,
        seeds=range(3),
        cost=lambda config: 0.6,
        alone=True,
        quick=lambda config: attrs.evolve(config, n=4),
    ),
    _study(
        "r3-overfitting",
        settings=(
            Setting("after 500 epochs", LONG, 0.928, read=at_epoch(500, "test_accuracy")),
            Setting("after 2,000 epochs", LONG, 0.909),
            Setting("stopped, error 10 % above its least", LONG, says="stops at 783", read=Stopped(0.1)),
            Setting("penalty 0.001, 2,000 epochs", attrs.evolve(LONG, penalty=1e-3), ours=True),
        ),
        seeds=range(3),
        claims=(
            Claim("after 500 epochs", "after 2,000 epochs"),
            Claim("stopped, error 10 % above its least", "after 2,000 epochs", ours=True),
            Claim("penalty 0.001, 2,000 epochs", "after 2,000 epochs", ours=True),
        ),
        columns=(),
        figures={
            "": figures.curves(
                figures.TRAIN_LOSS,
                ("valid_loss", "validation loss, nats per example", 1.0),
                figures.VALID_ACCURACY,
                labels=("after 2,000 epochs", "penalty 0.001, 2,000 epochs"),
            )
        },
        remarks=_stops,
        notes="One hidden layer of 64, rate 0.01. The first three rows are read from the same runs of 2,000 epochs. "
        "The report does not give its threshold; 10 % is ours.",
    ),
    _study(
        "r3-loss",
        settings=(
            Setting("softmax-NLL", BASE, says="compared"),
            Setting("norm loss", attrs.evolve(BASE, loss="norm"), says="compared"),
        ),
        claims=(Claim("softmax-NLL", "norm loss", ours=True),),
        notes=f"{PLAIN} Another rate may turn the order round.",
        figures={"": figures.curves(figures.VALID_ACCURACY)},
    ),
    listed(
        "r3-bias",
        task=bias.compare,
        settings=[Setting(name, config, says="same result") for name, config in ARITHMETIC.items()],
        measure=Measure("largest difference of a parameter", final("difference"), digits=None, higher=False),
        seeds=range(3),
        remarks=_proof,
        quick=lambda config: attrs.evolve(config, steps=2, batch=2, widths=(3, 2, 2)),
    ),
    _study(
        "r3-dropout",
        settings=[
            Setting(
                f"rate {rate}",
                Config(hidden=(256,), dropout=rate, epochs=300, every=10),
                says="shown" if rate else "",
            )
            for rate in (0.0, 0.2, 0.5)
        ],
        claims=(Claim("rate 0.2", "rate 0.0", ours=True), Claim("rate 0.5", "rate 0.0", ours=True)),
        columns=(VALID_ACCURACY, TRAIN_ACCURACY),
        seeds=range(3),
    ),
    _study(
        "r3-least-squares",
        task=fine_tune,
        settings=(
            Setting("before", BASE, read=final("before")),
            Setting("least squares, by singular values", BASE, says="done", read=final("singular values")),
            Setting("least squares, by normal equations", BASE, ours=True, read=final("normal equations")),
        ),
        claims=(Claim("least squares, by singular values", "before", ours=True),),
        columns=(Measure("rank (of 65)", final("rank"), digits=0, fixed=True),),
        figures={},
        remarks=_solvers,
        notes=f"{PLAIN} The last layer is fitted to one-hot rows over all 5,000 training images. Units that are dead "
        "for all of them would lower the rank.",
    ),
    _study(
        "r3-transforms",
        task=show,
        settings=[
            Setting(words, Config(hidden=(128,), move=move, epochs=300, every=10), says="shown")
            for words, move in (
                ("as they are", ""),
                ("shift", "shift"),
                ("rotation", "rotate"),
                ("resize", "resize"),
                ("all three", "all"),
            )
        ],
        claims=[Claim(words, "as they are", ours=True) for words in ("shift", "rotation", "resize", "all three")],
        columns=(VALID_ACCURACY, TRAIN_ACCURACY),
        figures={"": figures.curves(figures.VALID_ACCURACY), "pictures": page},
        seeds=range(3),
        notes="One hidden layer of 128, rate 0.01, 300 epochs. Up to 1.5 pixels, 15 degrees, 15 percent; fresh in "
        "every epoch.",
    ),
    _study(
        "r3-initialisation",
        settings=(
            Setting("randn", attrs.evolve(DEEP, initialization="randn", learning_rate=0.001), says="compared"),
            Setting("Xavier", attrs.evolve(DEEP, initialization="xavier", learning_rate=0.001), says="compared"),
            Setting("He", attrs.evolve(DEEP, initialization="he", learning_rate=0.001), says="compared"),
        ),
        claims=(
            Claim("Xavier", "randn", ours=True),
            Claim("He", "randn", ours=True),
            Claim("He", "Xavier", ours=True),
        ),
        figures={"": figures.curves(figures.TRAIN_LOSS, figures.VALID_ACCURACY, log=("train_loss",))},
        notes="Three hidden layers of 64, rate 0.001, 100 epochs.",
    ),
    _study(
        "r3-halving",
        settings=(
            Setting("constant 0.03", Config(learning_rate=0.03, epochs=200)),
            Setting(
                "0.03, halved after 50, 100, 150",
                Config(learning_rate=0.03, epochs=200, halve=(50, 100, 150)),
                says="done",
            ),
            Setting("constant 0.00375", Config(learning_rate=0.00375, epochs=200), ours=True),
        ),
        claims=(
            Claim("0.03, halved after 50, 100, 150", "constant 0.03", ours=True),
            Claim("0.03, halved after 50, 100, 150", "constant 0.00375", ours=True),
        ),
        notes="One hidden layer of 64, 200 epochs.",
    ),
    listed(
        "r3-large",
        task=build,
        settings=[Setting(name, Large(name), says="claimed") for name in LARGE],  # type: ignore[arg-type]
        data=("digits.mat",),
        seeds=range(3),
        columns=(
            Measure("parameters", final("parameters"), digits=0, fixed=True),
            Measure("loss at the beginning", final("first_loss"), higher=False),
            Measure("loss at the end", final("last_loss"), higher=False),
        ),
        remarks=_parameters,
        figures={"": figures.curves(("train_loss", "training loss per example, nats", 1.0), x=("epoch", "step"))},
        cost=cost,
        quick=quick,
        notes="150 steps of Adam on batches of 32: enough to see that shapes fit and the loss falls.",
    ),
)
