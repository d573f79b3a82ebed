"""R3: a small library on digits.mat, trained as its author did: each step sees one random sample of a batch of 32."""

import math
from functools import partial
from statistics import fmean
from typing import Any

import attrs
import numpy as np

from experiments.engine import figures
from experiments.engine.remarks import TIMED, times_faster
from experiments.engine.study import (
    Claim,
    Measure,
    Run,
    Setting,
    Statement,
    StudyResults,
    at_epoch,
    claims_by,
    deviation_from_trend,
    final,
    first_mean,
    listed,
    of_differences,
    of_run,
    percent,
)
from experiments.reports import bias, timing
from experiments.reports.r3.tasks import CLASSES, LARGE, PRINTED, Config, Large, build, fine_tune, net, show, train
from fnnet.summary import summary
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
    step = 145e-6 + 55e-6 * len(config.hidden) + 0.4e-6 * max(config.hidden, default=0)
    step += {"": 0.0, "report": 300e-6, "pooled": 200e-6}[config.convolution] + 60e-6 * (
        config.initialization == "report"
    )
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

    def __call__(self, run: Run) -> float | None:
        """Test accuracy of the params that are given back."""
        return None if run.diverged else self.rows(run)[0]["test_accuracy"]


def _stops(answers: StudyResults) -> list[str]:
    """Where the rule stops."""
    sentences = []
    for setting in answers.study.settings:
        runs = [run for run in answers.runs[setting.label].values() if not run.diverged]
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
    for label in (FULL, MASKED, REPAIRED):
        if runs := [run for run in answers.runs[label].values() if not run.diverged]:
            lows = [min(run.rows, key=lambda row: row["valid_loss"]) for run in runs]
            last_loss = fmean(run.rows[-1]["valid_loss"] for run in runs)
            sentences.append(
                f"“{label}”: the validation loss is least after {fmean(row['epoch'] for row in lows):,.0f} epochs (the "
                f"report sees it rise from about 800), {fmean(row['valid_loss'] for row in lows):.3f}, and "
                f"{last_loss:.3f} after all."
            )
            (early, late), (early_valid, late_valid) = (
                [fmean(_before(run, epoch, name) for run in runs) for epoch in (500, 2_000)]
                for name in ("train_loss", "valid_loss")
            )
            sentences.append(
                f"“{label}”, means over {SPAN} epochs up to 500 and up to the end: the training loss goes from "
                f"{early:.3f} to {late:.3f}, the validation loss from {early_valid:.3f} to {late_valid:.3f}. "
                f"{RISES[late > early, late_valid > early_valid]}"
            )
    return sentences


def _before(run: Run, epoch: int, name: str) -> float:
    """The mean of a column over the epochs up to one; its last value, where a run has none of them."""
    return fmean([row[name] for row in run.rows if epoch - SPAN < row["epoch"] <= epoch] or [run.rows[-1][name]])


def _sizes(config: Config) -> list[int]:
    """Parameters of every layer that has some, from input to output."""
    return [row.parameters for row in summary(net(config), (1, 16, 16)) if row.parameters]


def _fewer(answers: StudyResults) -> dict[int, float]:
    """By how much the hidden layer has more parameters than the convolution in its place: the same for every seed."""
    dense, convolution = (_sizes(answers.setting(label).config)[0] for label in (DENSE, CONVOLVED))
    return {seed: float(dense - convolution) for seed in sorted(answers.runs[CONVOLVED])}


def _whole_nets(answers: StudyResults) -> list[str]:
    """How many parameters the convolution leaves in all."""
    dense, convolution = (sum(_sizes(answers.setting(label).config)) for label in (DENSE, CONVOLVED))
    return [
        f"“{DENSE}” has {dense:,} parameters in all, “{CONVOLVED}” {convolution:,}: the last layer sees as many inputs "
        "as channels and pixels, so the whole net has fewer only with fewer channels than ours, or with pooling."
    ]


def _solvers(answers: StudyResults) -> list[str]:
    """Whether the normal equations could be solved."""
    runs = [run for found in answers.runs.values() for run in found.values() if not run.diverged]
    failed = sum(run.final["as printed"] is None or run.final["normal equations"] is None for run in runs)
    return [f"The normal equations were singular in {failed} of {len(runs)} runs."] if runs else []


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
    "deviation of the training loss from its trend, the loss's own unit",
    deviation_from_trend("train_loss", 0.5),
    digits=4,
    higher=False,
)


def _gap(run: Run) -> float | None:
    """Validation less training loss, over the last fifth of the looks."""
    pairs = [row["valid_loss"] - row["train_loss"] for row in run.rows[-max(1, len(run.rows) // 5) :]]
    return None if run.diverged else fmean(pairs)


GAP = Measure("validation less training loss over the last fifth, the loss's own unit", _gap, digits=4, higher=False)
EARLY_LOSS = Measure(
    "training loss of the first 10 epochs, mean, nats", first_mean(10, "train_loss"), digits=3, higher=False
)
VALID_ACCURACY = percent("validation accuracy", "valid_accuracy")
TRAIN_ACCURACY = percent("training accuracy", "train_accuracy")
CURVES = {"": figures.curves(figures.TRAIN_LOSS, figures.VALID_ACCURACY)}
BASE = Config()
LONG = Config(epochs=2_000, every=10)
DEEP = Config(hidden=(64, 64, 64))
PLAIN = "One hidden layer of 64, rate 0.01, 100 epochs."
FIRST = attrs.evolve(PRINTED, hidden=(), epochs=200)  # l.288, 299
# What `LinearSequence` makes by its defaults (l.251–262), where l.288 says otherwise.
SEQUENCE = attrs.evolve(PRINTED, learning_rate=0.001, penalty=0.0, last_relu=True)
SOFTMAX = attrs.evolve(PRINTED, loss="softmax NLL")  # from its section 5 on
SOFTMAX_SEQUENCE = attrs.evolve(SEQUENCE, loss="softmax NLL")
SOFTMAX_300 = attrs.evolve(SOFTMAX, epochs=300, every=10)
CODE = (
    "As printed: one sample a step, weights randn / √(in + out), biases randn, a ReLU whose gradient nothing masks "
    "(l.102, 123–124)"
)
FULL, MASKED, REPAIRED = "after 2,000 epochs", "with a masked ReLU", "repaired, 2,000 epochs"
SPAN = 200  # epochs, over which a loss is averaged before it is compared
# Whether the training loss rises, whether the validation loss does -> what that is.
RISES = {
    (True, True): "Both rise: that is no over-fitting, in which the training loss falls.",
    (False, True): "Only the validation loss rises: that is over-fitting.",
    (True, False): "The validation loss is no higher than it was.",
    (False, False): "The validation loss is no higher than it was.",
}
CONVOLVED, DENSE = "convolution, then 10, 20 epochs", "hidden (64), then 10, 20 epochs"
_study = partial(
    listed,
    task=train,
    data=("digits.mat",),
    columns=(VALID_ACCURACY,),
    figures=CURVES,
    cost=cost,
    quick=quick,
)


def _early_fall(run: Run) -> float:
    """By how much more the training loss falls up to epoch 10 than behind it, from that of a net that knows nothing."""
    early, end = (at_epoch(epoch, "train_loss")(run) or 0.0 for epoch in (10, run.rows[-1]["epoch"]))
    return (math.log(CLASSES) - early) - (early - end)


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


SEQUENCES = {"16": (16,), "64": (64,), "256": (256,), "64, 64": (64, 64), "256, 256": (256, 256)}
CONVOLUTION = attrs.evolve(SOFTMAX, hidden=(), penalty=0.0, epochs=20)
MOMENTUM = {
    "one hidden layer": SEQUENCE,
    "three hidden layers": attrs.evolve(SEQUENCE, hidden=(64, 64, 64)),
}
REPAIRED_MOMENTUM = {
    name: attrs.evolve(config, learning_rate=0.001) for name, config in zip(MOMENTUM, (BASE, DEEP), strict=True)
}
LITTLE = 0.01  # a difference of accuracy that we call little
UNPENALISED = attrs.evolve(PRINTED, penalty=0.0, epochs=2_000, every=10)
PENALISED = "penalty 0.1, 2,000 epochs"
THRESHOLDS = (0.05, 0.1, 0.2)
DOUBLE = attrs.evolve(SOFTMAX, hidden=(64, 64), epochs=500, every=10)
# The two nets that l.554 may mean: what a `LinearSequence` has, and what `Linear` has.
DOUBLES = {
    "": attrs.evolve(SOFTMAX_SEQUENCE, hidden=(64, 64), epochs=500, every=10),
    "; learning rate 0.01, penalty 0.1": DOUBLE,
}
MOVED = {"as they are": "", "shift": "shift", "rotation": "rotate", "resize": "resize", "all three": "all"}
HALVED = (50, 20)
STUDIES = (
    _study(
        "r3-nets",
        settings=(
            Setting("no hidden layer, 200 epochs", FIRST, says="the first net", line="R3 l.288, 299"),
            Setting(
                "one hidden layer (64), 100 epochs",
                PRINTED,
                0.928,
                line="R3 l.16, 118",
                former="one hidden layer (64), 100 epochs",
            ),
            Setting(
                "one hidden layer (64), softmax-NLL, 100 epochs",
                SOFTMAX,
                0.928,
                says="92.80 (or this)",
                line="R3 l.16, 455",
                instead="one hidden layer (64), 100 epochs",
            ),
            *(
                Setting(
                    f"sequence of {words}, 100 epochs",
                    attrs.evolve(SEQUENCE, hidden=hidden),
                    says="compared",
                    line="R3 l.251, 346",
                )
                for words, hidden in SEQUENCES.items()
            ),
            Setting(
                "two hidden layers (128, 64), 2,000 epochs",
                attrs.evolve(SOFTMAX_SEQUENCE, hidden=(128, 64), epochs=2_000, every=10),
                0.95,
                says="> 95 %",
                bound=True,
                line="R3 l.16, 251–262",
                former="two hidden layers (128, 64), 2,000 epochs",
            ),
            Setting(
                "two hidden layers (128, 64), rate 0.01, 2,000 epochs",
                attrs.evolve(SOFTMAX, hidden=(128, 64), epochs=2_000, every=10, penalty=0.0),
                0.95,
                says="> 95 % (or this)",
                instead="two hidden layers (128, 64), 2,000 epochs",
                bound=True,
                line="R3 l.16, 118",
            ),
            Setting(
                "convolution, then 10, 300 epochs",
                attrs.evolve(SOFTMAX_300, hidden=(), convolution="report", penalty=0.0, every=25),
                0.95,
                says="> 95 %",
                bound=True,
                line="R3 l.16, 961",
                former="convolution, then 64, 1,000 epochs",
            ),
            Setting(
                CONVOLVED,
                attrs.evolve(CONVOLUTION, convolution="report"),
                says="better",
                line="R3 l.961",
            ),
            Setting(
                DENSE,
                attrs.evolve(CONVOLUTION, hidden=(64,)),
                says="worse",
                line="R3 l.961",
            ),
            Setting("repaired: one hidden layer (64), 100 epochs", BASE, ours=True),
            Setting("repaired: one hidden layer (64), 2,000 epochs", LONG, ours=True),
            Setting(
                "repaired: two hidden layers (128, 64), 2,000 epochs", attrs.evolve(LONG, hidden=(128, 64)), ours=True
            ),
            Setting(
                "repaired: convolution, pool, then 64, 1,000 epochs",
                attrs.evolve(LONG, convolution="pooled", epochs=1_000, every=50),
                ours=True,
            ),
        ),
        claims=(
            Claim("two hidden layers (128, 64), 2,000 epochs", "one hidden layer (64), 100 epochs", line="R3 l.16"),
            Claim("convolution, then 10, 300 epochs", "one hidden layer (64), 100 epochs", line="R3 l.16"),
            Claim("sequence of 256, 100 epochs", "sequence of 16, 100 epochs", line="R3 l.356", says="width"),
            Claim("sequence of 64, 64, 100 epochs", "sequence of 64, 100 epochs", line="R3 l.356", says="depth"),
            Claim("sequence of 256, 256, 100 epochs", "sequence of 256, 100 epochs", line="R3 l.360", says="both"),
            Claim("sequence of 256, 256, 100 epochs", "sequence of 64, 64, 100 epochs", line="R3 l.360", says="both"),
            Claim(CONVOLVED, DENSE, line="R3 l.961"),
            Statement(
                "the convolution has fewer parameters than the layer in whose place it stands",
                "R3 l.963",
                "parameters of the hidden layer less those of the convolution",
                _fewer,
                digits=0,
            ),
            Claim("repaired: one hidden layer (64), 100 epochs", "one hidden layer (64), 100 epochs", ours=True),
            Claim(
                "repaired: two hidden layers (128, 64), 2,000 epochs",
                "repaired: one hidden layer (64), 2,000 epochs",
                ours=True,
            ),
        ),
        figures={
            "": figures.curves(
                figures.VALID_ACCURACY, labels=tuple(f"sequence of {words}, 100 epochs" for words in SEQUENCES)
            )
        },
        remarks=_whole_nets,
        notes=f"{CODE}. A step sees one random sample of a batch of 32, so an epoch is 157 samples, and 100 epochs are "
        "three times through the data. `Linear` alone has rate 0.01 and penalty 0.1 (l.118, 288), a `LinearSequence` "
        "rate 0.001, no penalty, and a ReLU behind its last layer too (l.251–262); the loss is the norm of the error "
        "up to its section 5 (l.289), softmax-NLL from there on. Which of them the 92.8 % of its summary had, it does "
        "not say: both are here. Its two hidden layers are a `LinearSequence` with softmax-NLL here, and once more "
        "with rate 0.01 and no ReLU at the end. Nor does it give the widths, the lengths of these trainings, or the "
        "channels of its convolution: ours are in the labels, 8 channels 3×3. The convolution has no penalty (l.768); "
        "a setting has one for all layers here, so the 0.1 of the dense layer behind it (l.118) is missing. Not asked: "
        "that scaled pixels make learning much easier (l.208), since no setting leaves them as they are.",
    ),
    _study(
        "r3-momentum",
        settings=[
            *(
                Setting(
                    f"{name}, momentum {momentum:g}",
                    attrs.evolve(config, momentum=momentum, momentum_rule="report"),
                    says=says,
                    line="R3 l.148, 370",
                    former=f"{name}, momentum {momentum:g}",
                )
                for name, config in MOMENTUM.items()
                for momentum, says in ((0.0, ""), (0.9, "little effect" if "one" in name else "helps"))
            ),
            *(
                Setting(f"repaired: {name}, momentum {momentum:g}", attrs.evolve(config, momentum=momentum), ours=True)
                for name, config in REPAIRED_MOMENTUM.items()
                for momentum in (0.0, 0.9)
            ),
            Setting("repaired: one hidden layer, momentum 0, ten times the rate", BASE, ours=True),
        ],
        claims=[
            Claim("three hidden layers, momentum 0.9", "three hidden layers, momentum 0", line="R3 l.382"),
            *(
                Claim(f"{name}, momentum 0.9", f"{name}, momentum 0", by=UNSTEADINESS, line="R3 l.382")
                for name in MOMENTUM
            ),
            Statement(
                f"little effect on a simple net: less than {100 * LITTLE:g} point",
                "R3 l.382",
                f"{100 * LITTLE:g} less the size of the gain, points",
                of_differences(
                    (1, "one hidden layer, momentum 0.9"), (-1, "one hidden layer, momentum 0"), most=LITTLE
                ),
                scale=100,
            ),
            *(
                Statement(
                    f"{words}momentum helps more on the deeper net",
                    "R3 l.382" if not words else "",
                    "gain there less the gain on the shallow one, points",
                    of_differences(
                        (1, f"{words}three hidden layers, momentum 0.9"),
                        (-1, f"{words}three hidden layers, momentum 0"),
                        (-1, f"{words}one hidden layer, momentum 0.9"),
                        (1, f"{words}one hidden layer, momentum 0"),
                    ),
                    scale=100,
                    ours=bool(words),
                )
                for words in ("", "repaired: ")
            ),
            *(
                Claim(f"repaired: {name}, momentum 0.9", f"repaired: {name}, momentum 0", ours=True, by=by)
                for by in (None, UNSTEADINESS)
                for name in MOMENTUM
            ),
            *(
                Claim(
                    "repaired: one hidden layer, momentum 0.9",
                    "repaired: one hidden layer, momentum 0, ten times the rate",
                    ours=True,
                    by=by,
                )
                for by in (None, UNSTEADINESS)
            ),
        ],
        columns=(VALID_ACCURACY, UNSTEADINESS),
        figures={
            "": figures.curves(
                figures.TRAIN_LOSS,
                figures.VALID_ACCURACY,
                labels=[f"repaired: {name}, momentum {momentum:g}" for name in MOMENTUM for momentum in (0.0, 0.9)],
            )
        },
        notes=f"{CODE}; a `LinearSequence`, rate 0.001, norm loss, 100 epochs, hidden layers of 64. The printed rule "
        "sets what it remembers to the weights it has just made, so its term is 0 in every step (l.148–151): whatever "
        "the report saw, its momentum did not do it. Repaired: heavy ball, softmax-NLL, masked ReLU, He. Momentum 0.9 "
        "makes steps ten times as long in the end; our last row gives plain descent the same length. That deviation is "
        "how far the loss strays from its trend, a cubic, over the second half of the epochs, root mean square.",
    ),
    listed(
        "r3-loops",
        task=timing.product,
        settings=[
            Setting(
                f"{n}×{n}, {how}",
                timing.Product(how, n),
                says="timed" if how != "rows" else "",
                ours=how == "rows",
                line="" if how == "rows" else "R3 l.393",
            )
            for n in SIZES
            for how in ("loops", "rows", "arrays")
        ],
        measure=MILLISECONDS,
        claims=[Claim(f"{n}×{n}, arrays", f"{n}×{n}, loops", line="R3 l.393") for n in SIZES],
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
            Setting(
                "after 500 epochs",
                UNPENALISED,
                0.928,
                read=at_epoch(500, "test_accuracy"),
                line="R3 l.426",
                former="after 500 epochs",
            ),
            Setting(FULL, UNPENALISED, 0.909, line="R3 l.426", former="after 2,000 epochs"),
            *(
                Setting(
                    f"stopped, error {100 * part:g} % above its least",
                    UNPENALISED,
                    says="stops at 783",
                    read=Stopped(part),
                    line="R3 l.418, 435",
                    former="stopped, error 10 % above its least" if part == 0.1 else "",
                )
                for part in THRESHOLDS
            ),
            Setting(PENALISED, attrs.evolve(UNPENALISED, penalty=0.1), says="smaller gap", line="R3 l.118, 437"),
            *(
                Setting(words, attrs.evolve(UNPENALISED, **options), ours=True)
                for words, options in (
                    (MASKED, {"masked": True}),
                    ("with softmax-NLL", {"loss": "softmax NLL"}),
                    ("at rate 0.001", {"learning_rate": 0.001}),
                )
            ),
            Setting(REPAIRED, LONG, ours=True),
            Setting("repaired, penalty 0.001", attrs.evolve(LONG, penalty=1e-3), ours=True),
        ),
        claims=(
            Claim("after 500 epochs", FULL, line="R3 l.426"),
            Claim("stopped, error 10 % above its least", FULL, line="R3 l.435"),
            Statement(
                "the validation loss rises in the end",
                "R3 l.433",
                "validation loss at the end less the least one",
                of_run(FULL, lambda run: run.rows[-1]["valid_loss"] - min(row["valid_loss"] for row in run.rows)),
                digits=4,
            ),
            Claim(PENALISED, FULL, by=GAP, line="R3 l.437"),
            Claim(PENALISED, FULL, by=UNSTEADINESS, line="R3 l.437"),
            Claim(MASKED, FULL, ours=True),
            Claim("with softmax-NLL", FULL, ours=True),
            Claim(REPAIRED, FULL, ours=True),
            Claim("repaired, penalty 0.001", REPAIRED, by=GAP, ours=True),
        ),
        columns=(GAP, UNSTEADINESS),
        figures={
            "": figures.curves(
                ("train_loss", "training loss", 1.0),
                ("valid_loss", "validation loss", 1.0),
                labels=(FULL, PENALISED, MASKED),
            ),
            "accuracy": figures.curves(figures.VALID_ACCURACY, labels=(FULL, MASKED, REPAIRED)),
        },
        remarks=_stops,
        notes=f"{CODE}; norm loss, one hidden layer of 64, rate 0.01. The report does not give its width or the "
        "threshold at which it stops: rows give a range. It asks that rule at each of its validations (l.416–419) and "
        f"does not say how often those are; here it is asked every {UNPENALISED.every} epochs, and would stop no later "
        "if asked at every one. Rows of one training are read from the same runs of 2,000 epochs.",
    ),
    _study(
        "r3-loss",
        settings=(
            Setting("softmax-NLL", SOFTMAX, says="clearly better", line="R3 l.455, 476", former="softmax-NLL"),
            Setting("norm loss", PRINTED, says="compared", line="R3 l.180, 476", former="norm loss"),
            *(
                Setting(
                    f"{words}, no hidden layer", attrs.evolve(config, hidden=()), says="or this", line="R3 l.288, 476"
                )
                for words, config in (("softmax-NLL", SOFTMAX), ("norm loss", PRINTED))
            ),
            *(
                Setting(f"{words}, no penalty", attrs.evolve(config, penalty=0.0), ours=True)
                for words, config in (("softmax-NLL", SOFTMAX), ("norm loss", PRINTED))
            ),
            Setting("repaired: softmax-NLL", BASE, ours=True),
            Setting("repaired: norm loss", attrs.evolve(BASE, loss="norm"), ours=True),
        ),
        claims=(
            Claim("softmax-NLL", "norm loss", line="R3 l.476"),
            Claim("softmax-NLL, no hidden layer", "norm loss, no hidden layer", line="R3 l.476"),
            Claim("softmax-NLL, no penalty", "norm loss, no penalty", ours=True),
            Claim("repaired: softmax-NLL", "repaired: norm loss", ours=True),
        ),
        notes=f"{CODE}, penalty 0.1. {PLAIN} “The simplest single hidden layer” may also be the one `Linear` of l.288: "
        "both are here.",
        figures={"": figures.curves(figures.VALID_ACCURACY)},
    ),
    listed(
        "r3-bias",
        task=bias.compare,
        settings=[Setting(name, config, says="same result", line="R3 l.482") for name, config in ARITHMETIC.items()],
        measure=Measure("largest difference of a parameter", final("difference"), digits=None, higher=False),
        seeds=range(3),
        remarks=_proof,
        quick=lambda config: attrs.evolve(config, steps=2, batch=2, widths=(3, 2, 2)),
    ),
    _study(
        "r3-column",
        settings=(
            Setting("bias vectors", FIRST, says="same", line="R3 l.288, 514"),
            Setting(
                "a column of ones",
                attrs.evolve(FIRST, column=True, initialization="fan in"),
                says="same",
                line="R3 l.490, 503, 514",
            ),
        ),
        claims=(
            Statement(
                f"practically the same: less than {100 * LITTLE:g} point apart",
                "R3 l.514",
                f"{100 * LITTLE:g} less the size of the difference, points",
                of_differences((1, "a column of ones"), (-1, "bias vectors"), most=LITTLE),
                scale=100,
            ),
        ),
        notes="As printed the two nets also begin differently: weights randn / √257 in place of randn / √(256 + 10), "
        "and the bias one of them in place of randn. That the two are the same net is proved in r3-bias.",
    ),
    _study(
        "r3-dropout",
        settings=[
            *(
                Setting(
                    f"rate {rate}{words}",
                    attrs.evolve(config, dropout=rate),
                    says="or this" if words else "better on test" if rate else "",
                    line=f"R3 l.{118 if words else 251}, 523, 554",
                    former="" if words else f"rate {rate}",
                )
                for words, config in DOUBLES.items()
                for rate in (0.0, 0.5)
            ),
            *(
                Setting(f"rate {rate}; learning rate 0.01", attrs.evolve(DOUBLE, dropout=rate, penalty=0.0), ours=True)
                for rate in (0.0, 0.5)
            ),
            *(
                Setting(
                    f"repaired: 256 units, rate {rate}",
                    Config(hidden=(256,), dropout=rate, epochs=300, every=10),
                    ours=True,
                )
                for rate in (0.0, 0.2, 0.5)
            ),
        ],
        claims=(
            *(
                Claim(f"rate 0.5{words}", f"rate 0.0{words}", by=by, line="R3 l.554", says=says)
                for words in DOUBLES
                for by, says in ((None, ""), (GAP, "less over-fitting"))
            ),
            *(
                Claim("rate 0.5; learning rate 0.01", "rate 0.0; learning rate 0.01", ours=True, by=by)
                for by in (None, GAP)
            ),
            Claim("repaired: 256 units, rate 0.5", "repaired: 256 units, rate 0.0", ours=True),
        ),
        columns=(VALID_ACCURACY, TRAIN_ACCURACY, GAP),
        seeds=range(3),
        figures={
            "": figures.curves(
                figures.TRAIN_LOSS,
                figures.VALID_ACCURACY,
                labels=[
                    *(f"rate {rate}{words}" for words in DOUBLES for rate in (0.0, 0.5)),
                    *(f"repaired: 256 units, rate {rate}" for rate in (0.0, 0.2, 0.5)),
                ],
            )
        },
        notes=f"{CODE}; two hidden layers of 64, softmax-NLL, 500 epochs. The report gives no widths and no length. "
        "The first rows have what a `LinearSequence` has: rate 0.001, no penalty, a ReLU at the end (l.251–262). As "
        "printed that class has no place for a dropout, which has to be told whether it trains (l.265–268, 530), so "
        "the net may also have been put together of `Linear`s: the rows with rate 0.01 and penalty 0.1 (l.118). "
        "Dropout is inverted, and rate 0.5 is its default. The training loss is the one while units are dropped, which "
        "narrows the gap by itself.",
    ),
    _study(
        "r3-least-squares",
        task=fine_tune,
        settings=(
            Setting("before", SOFTMAX, read=final("before"), says="lower", line="R3 l.601", former="before"),
            Setting(
                "least squares, as printed",
                SOFTMAX,
                says="higher",
                read=final("as printed"),
                line="R3 l.591–594",
                former="least squares, by singular values",
            ),
            Setting("after norm loss: before", PRINTED, says="or this", read=final("before"), line="R3 l.289"),
            Setting(
                "after norm loss: least squares, as printed",
                PRINTED,
                says="or this",
                read=final("as printed"),
                line="R3 l.591–594",
            ),
            Setting("with the bias, by singular values", SOFTMAX, ours=True, read=final("singular values")),
            Setting("with the bias, by normal equations", SOFTMAX, ours=True, read=final("normal equations")),
            Setting("repaired: before", BASE, ours=True, read=final("before")),
            Setting("repaired: with the bias, by singular values", BASE, ours=True, read=final("singular values")),
        ),
        claims=(
            Claim("least squares, as printed", "before", line="R3 l.601"),
            Claim("after norm loss: least squares, as printed", "after norm loss: before", line="R3 l.601"),
            Claim("with the bias, by singular values", "least squares, as printed", ours=True),
            Claim("repaired: with the bias, by singular values", "repaired: before", ours=True),
        ),
        columns=(Measure("rank (of 65)", final("rank"), digits=0),),
        figures={},
        remarks=_solvers,
        notes=f"{CODE}, penalty 0.1. {PLAIN} The report keeps the bias b and fits one-hot rows less b, in normal "
        "equations. Which loss came before, it does not say: both are here. Units that are dead for all images lower "
        "the rank.",
    ),
    _study(
        "r3-transforms",
        task=show,
        settings=[
            *(
                Setting(
                    words,
                    attrs.evolve(SOFTMAX_300, move=move),
                    says="little on test, lower on validation" if move else "",
                    line="R3 l.697",
                    former=words,
                )
                for words, move in MOVED.items()
            ),
            *(
                Setting(f"repaired: {words}", Config(hidden=(128,), move=move, epochs=300, every=10), ours=True)
                for words, move in MOVED.items()
                if move in ("", "all")
            ),
        ],
        claims=[
            *(
                Statement(
                    f"little effect on test of “{words}”: less than {100 * LITTLE:g} point",
                    "R3 l.697",
                    f"{100 * LITTLE:g} less the size of the gain, points",
                    of_differences((1, words), (-1, "as they are"), most=LITTLE),
                    scale=100,
                )
                for words in list(MOVED)[1:]
            ),
            *(Claim("as they are", words, by=VALID_ACCURACY, line="R3 l.697") for words in list(MOVED)[1:]),
            Claim("repaired: all three", "repaired: as they are", ours=True),
        ],
        columns=(VALID_ACCURACY, TRAIN_ACCURACY),
        figures={"": figures.curves(figures.VALID_ACCURACY, labels=tuple(MOVED)), "pictures": page},
        seeds=range(3),
        notes=f"{CODE}; one hidden layer of 64, softmax-NLL, rate 0.01, penalty 0.1, 300 epochs; repaired: 128 units, "
        "He, no penalty. Up to 1.5 pixels, 15 degrees, 15 percent, fresh in every epoch. The report does not say how "
        "far it moves, nor whether moved images join the others or replace them; it enlarges images twofold before "
        "it shows them (l.675), and its interpolation has the weights of the four neighbours the wrong way round "
        "(l.625), which is not tried here.",
    ),
    _study(
        "r3-initialisation",
        settings=(
            *(
                Setting(
                    name,
                    attrs.evolve(SOFTMAX_SEQUENCE, hidden=(64, 64, 64), initialization=words),
                    says=says,
                    line="R3 l.969",
                    former=name,
                )
                for name, words, says in (
                    ("randn", "randn", "lower"),
                    ("Xavier", "report", "higher"),
                    ("He", "he", "higher"),
                )
            ),
            *(
                Setting(
                    f"one hidden layer, {name}",
                    attrs.evolve(SOFTMAX, initialization=words),
                    says=says,
                    line="R3 l.118, 158",
                )
                for name, words, says in (("randn", "randn", "hard to train"), ("Xavier", "report", "falls quickly"))
            ),
            *(
                Setting(
                    f"repaired: {name}",
                    attrs.evolve(DEEP, initialization=words, learning_rate=0.001),
                    ours=True,
                )
                for name, words in (("randn", "randn"), ("Xavier", "xavier"), ("He", "he"))
            ),
        ),
        claims=(
            Claim("Xavier", "randn", line="R3 l.969"),
            Claim("He", "randn", line="R3 l.969"),
            *claims_by("one hidden layer, Xavier", "one hidden layer, randn", "R3 l.158", None, EARLY_LOSS),
            Statement(
                "from Xavier's weights the loss falls within few epochs",
                "R3 l.158",
                f"fall of the training loss from chance (ln {CLASSES}) to epoch 10 less that behind it, nats",
                of_run("one hidden layer, Xavier", _early_fall),
                digits=3,
            ),
            *(
                Claim(f"repaired: {a}", f"repaired: {b}", ours=True)
                for a, b in (("Xavier", "randn"), ("He", "randn"), ("He", "Xavier"))
            ),
            Claim("He", "Xavier", ours=True),
        ),
        figures={
            "": figures.curves(
                figures.TRAIN_LOSS,
                figures.VALID_ACCURACY,
                labels=[f"{words}{name}" for words in ("", "repaired: ") for name in ("randn", "Xavier", "He")],
                log=("train_loss",),
            )
        },
        notes=f"{CODE} in a `LinearSequence` of three hidden layers of 64, softmax-NLL, rate 0.001, 100 epochs; the "
        "report's Xavier is randn / √(in + out) (l.123). Line 158 is about `Linear`: asked of one hidden layer of 64, "
        "rate 0.01, penalty 0.1. How He and Xavier compare, its sentence does not end to say.",
    ),
    _study(
        "r3-halving",
        settings=(
            Setting(
                "constant 0.01",
                attrs.evolve(SOFTMAX, epochs=200),
                says="lower",
                line="R3 l.974",
                former="constant 0.03",
            ),
            *(
                Setting(
                    f"0.01, halved every {every} epochs",
                    attrs.evolve(SOFTMAX, epochs=200, learning_rate=0.005, halve=tuple(range(every, 200, every))),
                    says="higher",
                    line="R3 l.977",
                    former="0.03, halved after 50, 100, 150" if every == 50 else "",
                )
                for every in HALVED
            ),
            Setting("repaired: constant 0.03", Config(learning_rate=0.03, epochs=200), ours=True),
            Setting(
                "repaired: 0.03, halved after 50, 100, 150",
                Config(learning_rate=0.03, epochs=200, halve=(50, 100, 150)),
                ours=True,
            ),
        ),
        claims=(
            *(Claim(f"0.01, halved every {every} epochs", "constant 0.01", line="R3 l.990") for every in HALVED),
            Claim("repaired: 0.03, halved after 50, 100, 150", "repaired: constant 0.03", ours=True),
        ),
        notes=f"{CODE}; one hidden layer of 64, softmax-NLL, penalty 0.1, 200 epochs. The report does not say how "
        "often it halves; as printed it does so in front of epoch 0 too (l.977).",
    ),
    listed(
        "r3-large",
        task=build,
        settings=[
            Setting(name, Large(name), says="claimed", line="R3 l.17")  # type: ignore[arg-type]
            for name in LARGE
        ],
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
