"""R5: LeNet-5 with ReLU, max pooling and Adam on MNIST, and why plain gradient descent does not leave 10 %."""

from collections.abc import Callable, Sequence
from functools import partial
from statistics import fmean
from typing import TYPE_CHECKING, Literal

import attrs
import numpy as np

from experiments.engine import figures
from experiments.engine.remarks import TIMED, times_faster
from experiments.engine.study import (
    TEST_ACCURACY,
    Claim,
    Measure,
    Run,
    Setting,
    Statement,
    StudyResults,
    final,
    listed,
    of_run,
    percent,
)
from experiments.reports.r5 import convolving
from experiments.reports.r5.tasks import CHANCE, LEFT, Config, leave, train
from fnnet.runs import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def quick(config: Config) -> Config:
    """A moment."""
    return attrs.evolve(config, epochs=1, examples=64, looks=32, steps=min(config.steps, 2))


def cost(config: Config) -> float:
    """Seconds on one core, from measured epochs."""
    each = 48e-6 * (1.4 if config.batch_norm else 1)
    return 2 + each * (config.steps * config.batch if config.steps else config.epochs * config.examples)


LAYERS = ("conv2d_0", "conv2d_1", "dense_0", "dense_1", "dense_2")


@figures.drawn
def signal_figure(answers: StudyResults) -> "Figure":
    """Signal and gradient through the net at the first step, N(0, 0.01²) against He; then the loss by step."""
    made = style.figure(figures.WIDTH, 4.8)
    panels = made.subplot_mosaic([["output", "cotangent"], ["loss", "loss"]])
    styles = figures.styled(DRAWN)
    for quantity, title in (("output", "output of the layer, rms"), ("cotangent", "gradient at that output, rms")):
        axes = panels[quantity]
        for label in DRAWN[:2]:
            first = [run.rows[0] for run in answers.runs[label].values()]
            if first:
                means = [fmean(row[f"{layer}_{quantity}"] for row in first) for layer in LAYERS]
                axes.plot(range(len(LAYERS)), means, label=label, **styles[label])
        axes.set_yscale("log")
        axes.set_xticks(
            range(len(LAYERS)), [name.replace("conv2d_", "conv ").replace("dense_", "dense ") for name in LAYERS]
        )
        axes.set_xlabel("layer, from input to output")
        axes.set_ylabel(title)
        axes.set_title("first step", loc="left")
        style.tidy(axes)
    loss = panels["loss"]
    for label, series in styles.items():
        figures.band(loss, list(answers.runs[label].values()), "step", "loss", 1.0, label, series)
    loss.axhline(CHANCE, color="0.6", linewidth=0.8, zorder=1)
    loss.text(0.98, CHANCE + 0.08, "chance: ln 10", transform=loss.get_yaxis_transform(), ha="right", va="bottom")
    loss.set_ylim(0, 2.7)
    figures.count_along(loss)
    loss.set_xlabel("step (batch of 64)")
    loss.set_ylabel("training loss, nats per example")
    style.tidy(loss)
    return made


def explain(answers: StudyResults) -> list[str]:
    """Why, in numbers."""

    def mean(label: str, name: str) -> float:
        return fmean(run.rows[0][name] for run in answers.runs[label].values())

    small, he = "SGD, N(0, 0.01²)", "SGD, He"
    if not (answers.runs[small] and answers.runs[he]):
        return []
    outputs, gradients = (
        [mean(label, f"{layer}_{what}") for layer in LAYERS] for label, what in ((small, "output"), (small, "gradient"))
    )
    theirs = [mean(he, f"{layer}_gradient") for layer in LAYERS]
    shrink = (outputs[-1] / outputs[0]) ** (1 / (len(LAYERS) - 1))
    sentences = [
        f"With N(0, 0.01²) the signal shrinks from layer to layer, on average to {shrink:.2g} of itself: from "
        f"{outputs[0]:.2g} behind the first convolution to {outputs[-1]:.2g} at the logits. At first all logits are "
        "practically 0, so the softmax says one tenth for everything, whatever the picture: the loss is ln 10 and the "
        "accuracy that of one digit always given.",
        "Going back, the gradient is multiplied by the same small weights. For the weights and biases of the first "
        f"convolution it is {gradients[0]:.1e} against {theirs[0]:.1e} with He, {theirs[0] / gradients[0]:,.0f} times "
        f"smaller. What plain gradient descent adds to a weight is the rate times that: at rate {SGD.learning_rate} "
        "weights hardly move, only the last bias learns how frequent each digit is.",
    ]
    means = {label: fmean(values.values()) for label in answers.runs if (values := answers.values(label))}
    stays = [label for label, runs in answers.runs.items() if runs and label not in means]
    leaves = sorted(means, key=lambda label: means[label])
    if stays:
        sentences.append(f"Not left by any seed {WITHIN}: {_quoted(stays)}; r5-sgd looks at {EPOCHS} epochs.")
    if "Adam, N(0, 0.01²)" in leaves:
        sentences.append(
            "Adam divides every gradient by its own running size, so a tiny gradient makes a step as long as a large "
            "one; that is why R5's own run left the plateau."
        )
    if leaves:
        listed = "; ".join(f"“{label}” {means[label]:,.0f}" for label in leaves)
        sentences.append(f"Steps until it is left: {listed}.")
    always = [label for label in leaves if all(run.final["left"] for run in answers.runs[label].values())]
    if sometimes := [label for label in leaves if label not in always]:
        sentences.append(f"Not left by every seed {WITHIN}: {_quoted(sometimes)}.")
    alone, resized = ([label for label in always if label in among] for among in (REPAIRS, RESIZED))
    if alone:
        sentences.append(
            f"Of {len(REPAIRS)} single changes that keep plain descent {len(alone)} repair it {WITHIN}: "
            f"{_quoted(alone)}."
        )
    if resized:
        sentences.append(
            f"The smallest is another size of the first weights ({_quoted(resized)}): no other rule, no other rate, "
            "nothing added to the net. He's size is the one that hands the signal on undiminished."
        )
    return sentences


def _quoted(labels: Sequence[str]) -> str:
    return ", ".join(f"“{label}”" for label in labels)


def _leaves(answers: StudyResults) -> list[str]:
    """When each setting begins to learn."""
    sentences = []
    for setting in answers.study.settings:
        runs = [run for run in answers.runs[setting.label].values() if not run.diverged]
        left = [epoch for run in runs if (epoch := _begun(run)) is not None]
        if runs and setting.config.optimizer == "sgd":
            when = f", after {min(left):,.0f} to {max(left):,.0f} epochs" if left else ""
            sentences.append(
                f"“{setting.label}”: {len(left)} of {len(runs)} seeds leave the plateau{when} (test accuracy above "
                f"{100 * BEGUN:.0f} %)."
            )
    return sentences


def _begun(run: Run) -> float | None:
    """The first epoch after which the test accuracy is above `BEGUN`."""
    return next((float(row["epoch"]) for row in run.rows if row["test_accuracy"] > BEGUN), None)


def _confused(a: int, b: int) -> Callable[[Run], float]:
    """How often two digits are taken for each other in test and training set, over the mean of all pairs, less 1."""

    def read(run: Run) -> float:
        counts = np.array(run.final["confusion"]) + np.array(run.final["train_confusion"])
        both = counts + counts.T
        pairs = both[np.triu_indices(len(both), 1)]
        return float(both[a, b] / pairs.mean() - 1) if pairs.any() else 0.0

    return read


def _after(epoch: int, run: Run) -> list[float]:
    """Test accuracies behind an epoch; of the last rows, where a run has fewer."""
    return [row["test_accuracy"] for row in run.rows if row["epoch"] > epoch] or [run.rows[-1]["test_accuracy"]]


def _settled(run: Run) -> float:
    """How far the test accuracy moves behind epoch 20, below what we call stable."""
    later = _after(20, run)
    return STABLE - (max(later) - min(later))


def _no_decline(run: Run) -> float:
    """How far the test accuracy of the last five epochs lies below the best one, below what we call no over-fitting."""
    accuracies = [row["test_accuracy"] for row in run.rows]
    return DECLINE - (max(accuracies) - fmean(accuracies[-5:]))


def _fast_then_slow(run: Run) -> float:
    """By how much more the training loss falls to the mean of the first epoch than behind that."""
    first, end = run.rows[0]["train_loss"], run.rows[-1]["train_loss"]
    return (CHANCE - first) - (first - end)


def _stays(run: Run) -> float:
    """How far the best test accuracy of a run lies below `BEGUN`."""
    return BEGUN - max(row["test_accuracy"] for row in run.rows)


BEGUN = 0.2
STABLE, DECLINE, CLOSE = 0.005, 0.003, 0.02  # accuracies; what the words mean here
STEPS, WITHIN = 2_814, "within three epochs"
EPOCHS = 200  # of r5-sgd (R5 l.1071)
SGD = Config(optimizer="sgd", steps=STEPS)  # the rule that was run; the rate is that of its Adam, 0.064 for a mean
REPAIRED = Config(summed=False, col2im="adds")
TRIES = {
    "SGD, N(0, 0.01²)": SGD,
    "SGD, He": attrs.evolve(SGD, initialization="he"),
    "momentum 0.9, N(0, 0.01²)": attrs.evolve(SGD, optimizer="momentum"),
    "momentum 0.9, He": attrs.evolve(SGD, optimizer="momentum", initialization="he"),
    "Adam, N(0, 0.01²)": attrs.evolve(SGD, optimizer="adam"),
    "Adam, He": attrs.evolve(SGD, optimizer="adam", initialization="he"),
    "SGD, rate 0.01": attrs.evolve(SGD, learning_rate=0.01),
    "SGD, rate 0.1": attrs.evolve(SGD, learning_rate=0.1),
    "SGD, col2im that adds": attrs.evolve(SGD, col2im="adds"),
    "SGD, N(0, 0.05²)": attrs.evolve(SGD, initialization="normal_0.05"),
    "SGD, N(0, 0.1²)": attrs.evolve(SGD, initialization="normal_0.1"),
    "SGD, standardised pixels": attrs.evolve(SGD, standardise=True),
    "SGD, batch norm": attrs.evolve(SGD, batch_norm=True),
}
DRAWN = (
    "SGD, N(0, 0.01²)",
    "SGD, He",
    "momentum 0.9, N(0, 0.01²)",
    "Adam, N(0, 0.01²)",
    "SGD, rate 0.01",
    "SGD, N(0, 0.05²)",
    "SGD, N(0, 0.1²)",
    "SGD, batch norm",
)
REPAIRS = [label for label in TRIES if label.startswith("SGD, ") and label != "SGD, N(0, 0.01²)"]
RESIZED = [label for label in REPAIRS if TRIES[label].initialization != SGD.initialization]


def _seconds(run: Run) -> float:
    """Of an epoch and of the look at the test set behind it, as the report counts (l.1115)."""
    return fmean(row["seconds"] + row["look_seconds"] for row in run.rows)


def _left(run: Run) -> float | None:
    return run.final["plateau"] if run.final["left"] else None


PLATEAU = Measure("steps until the plateau is left", _left, digits=0, higher=False)
MEMORY = Measure("MiB held at its most", final("peak"), digits=1, higher=False)
SECONDS = Measure("seconds per epoch", _seconds, digits=2, higher=False)
EPOCHS_TO_LEAVE = Measure("epochs until the plateau is left", _begun, digits=0, higher=False)
_study = partial(listed, data=("mnist",), seeds=range(3), cost=cost, quick=quick)
FINAL = "after 50 epochs"
WAYS: dict[str, Literal["adds", "assigns"]] = {"": "assigns", ", col2im that adds": "adds"}
STUDIES = (
    _study(
        "r5-adam",
        task=train,
        settings=(
            Setting(
                "after 1 epoch",
                Config(),
                0.92,
                says="> 92 %",
                read=final("first_test_accuracy"),
                bound=True,
                line="R5 l.1089",
                former="after 1 epoch",
            ),
            Setting(
                "after 1 epoch, training set",
                Config(),
                0.92,
                says="> 92 %",
                read=final("first_train_accuracy"),
                bound=True,
                line="R5 l.1089",
                former="after 1 epoch, training set",
            ),
            Setting(FINAL, Config(), 0.986, says="98.6 %", line="R5 l.1059–1067, 1089", former=FINAL),
            Setting(
                "after 50 epochs, training set",
                Config(),
                0.998,
                says="99.8 %",
                read=final("train_accuracy"),
                line="R5 l.1089",
                former="after 50 epochs, training set",
            ),
            Setting("repaired, after 1 epoch", REPAIRED, ours=True, read=final("first_test_accuracy")),
            Setting("repaired, after 50 epochs", REPAIRED, ours=True),
        ),
        claims=(
            Claim(FINAL, "after 1 epoch", line="R5 l.1089"),
            Statement(
                f"stable after epoch 20: within {100 * STABLE:g} points",
                "R5 l.1089",
                f"{100 * STABLE:g} less the range of the test accuracy behind epoch 20, points",
                of_run(FINAL, _settled),
                scale=100,
            ),
            Statement(
                "the loss falls sharply at first, then slowly",
                "R5 l.1087",
                "fall of the training loss to the first epoch's mean less that behind it, nats",
                of_run(FINAL, _fast_then_slow),
            ),
            Statement(
                f"no over-fitting: the test accuracy ends less than {100 * DECLINE:g} points below its best",
                "R5 l.1091",
                f"{100 * DECLINE:g} less that distance, points",
                of_run(FINAL, _no_decline),
                scale=100,
            ),
            Statement(
                f"training and test accuracy rise together: in the end less than {100 * CLOSE:g} points apart",
                "R5 l.1089",
                f"{100 * CLOSE:g} less that distance, points",
                of_run(FINAL, lambda run: CLOSE - (run.final["train_accuracy"] - run.final["test_accuracy"])),
                scale=100,
            ),
            *(
                Statement(
                    f"{a} and {b} are confused",
                    "R5 l.1109",
                    "how often in both sets, over the mean of all pairs of digits, less 1",
                    of_run(FINAL, _confused(a, b)),
                )
                for a, b in ((0, 6), (1, 7))
            ),
            Claim("repaired, after 50 epochs", FINAL, ours=True),
        ),
        figures={
            "": figures.curves(
                figures.TRAIN_LOSS,
                figures.TEST_ACCURACY,
                labels=(FINAL, "repaired, after 50 epochs"),
                log=("train_loss",),
            )
        },
        notes="As printed: gradients summed over the batch (l.837), a `col2im` that assigns (l.352), ε 1e-7 (l.978). "
        "Confusion counts of both sets are in every run's file. `run lenet5` gives the matrices, the loss of every "
        "step and the misread digits. Not asked: that shuffling makes training better (l.423), since every setting "
        "here shuffles.",
    ),
    _study(
        "r5-time",
        task=train,
        settings=(Setting("batch 64", attrs.evolve(REPAIRED, epochs=1), 60.0, says="about 1 min", line="R5 l.1115"),),
        measure=SECONDS,
        notes="The first epoch, with the look at the test set after it, on one core with no other run beside it.",
        alone=True,
    ),
    listed(
        "r5-im2col",
        task=convolving.convolve,
        settings=(
            Setting("loops", convolving.Config("loops"), says="slow", line="R5 l.258"),
            Setting("im2col", convolving.Config("im2col"), says="faster, more memory", line="R5 l.260, 278"),
        ),
        measure=Measure("milliseconds", final("milliseconds"), digits=1, higher=False),
        claims=(
            Claim("im2col", "loops", line="R5 l.258–260"),
            Claim("loops", "im2col", by=MEMORY, line="R5 l.278", says="im2col takes more memory"),
        ),
        columns=(MEMORY,),
        remarks=times_faster(("im2col", "loops")),
        notes=f"The first convolution, forward, of a batch of 64. {TIMED}",
        seeds=range(3),
        cost=lambda config: 8.0 if config.how == "loops" else 0.6,
        quick=lambda config: attrs.evolve(config, batch=1),
        alone=True,
    ),
    _study(
        "r5-sgd",
        task=train,
        settings=(
            *(
                Setting(
                    f"rate {rate}{words}",
                    Config(optimizer="sgd", learning_rate=rate, epochs=EPOCHS, col2im=how),
                    says="about 10 %",
                    line=line,
                    former="rate 0.001, 200 epochs" if (rate, how) == (0.001, "assigns") else "",
                )
                for rate, line in ((0.001, "R5 l.837, 933, 1071"), (0.01, "R5 l.837, 878, 1071"))
                for words, how in WAYS.items()
            ),
            Setting("Adam, 50 epochs", Config(), says="much better", line="R5 l.990"),
            *(
                Setting(
                    f"mean gradient, rate {rate}, {epochs} epochs",
                    attrs.evolve(REPAIRED, optimizer="sgd", learning_rate=rate, epochs=epochs),
                    ours=True,
                )
                for rate, epochs in ((0.001, 30), (0.01, 30))
            ),
            Setting(
                "mean gradient, rate 0.01, He, 5 epochs",
                attrs.evolve(REPAIRED, optimizer="sgd", learning_rate=0.01, initialization="he", epochs=5),
                ours=True,
            ),
        ),
        claims=(
            *(
                Claim("Adam, 50 epochs", f"rate {rate}{words}", line="R5 l.990")
                for rate in (0.001, 0.01)
                for words in WAYS
            ),
            *(
                Statement(
                    f"stays at about 10 % for {EPOCHS} epochs: “rate {rate}{words}”",
                    "" if words else "R5 l.1071",
                    f"{100 * BEGUN:g} less the best test accuracy of the run, points",
                    of_run(f"rate {rate}{words}", _stays),
                    scale=100,
                    ours=bool(words),
                )
                for rate in (0.001, 0.01)
                for words in WAYS
            ),
            Claim("mean gradient, rate 0.01, He, 5 epochs", "mean gradient, rate 0.01, 30 epochs", ours=True),
        ),
        columns=(percent("training accuracy", "train_accuracy"), EPOCHS_TO_LEAVE),
        figures={
            "": figures.curves(
                figures.TRAIN_LOSS,
                figures.TEST_ACCURACY,
                labels=[f"rate {rate}{words}" for rate in (0.001, 0.01) for words in WAYS],
            )
        },
        remarks=_leaves,
        notes="The rule that was run: gradients summed over the batch of 64 (l.837), a `col2im` that assigns (l.352), "
        "200 epochs. The rate is not given; 0.01 is the default of its SGD (l.878), 0.001 that of its Adam. Summed, "
        "they are rates of 0.64 and 0.064 for the mean. “About 10 %” is chance and no score to be bettered: whether a "
        "run stays there is asked of its best test accuracy.",
    ),
    _study(
        "r5-plateau",
        task=leave,
        settings=[Setting(label, config, ours=True) for label, config in TRIES.items()],
        measure=PLATEAU,
        claims=[Claim(label, "SGD, N(0, 0.01²)", ours=True, by=TEST_ACCURACY) for label in list(TRIES)[1:]],
        columns=(
            Measure("logits at the start, rms", final("first_output"), digits=None),
            Measure(
                "gradient by the first convolution's weights and biases, rms", final("first_gradient"), digits=None
            ),
            TEST_ACCURACY,
        ),
        figures={
            "": signal_figure,
            "steps": figures.curves(
                ("dense_2_output", "logits, rms", 1.0),
                ("conv2d_0_gradient", "gradient of conv 0, rms", 1.0),
                labels=[
                    f"{rule}, {begin}" for begin in ("N(0, 0.01²)", "He") for rule in ("SGD", "momentum 0.9", "Adam")
                ],
                x=("step", "step (batch of 64)"),
                log=("dense_2_output", "conv2d_0_gradient", "step"),
            ),
        },
        remarks=explain,
        notes="Batch 64, gradients summed over it and a `col2im` that assigns, as in the report; rate 0.001, three "
        "epochs; the plateau is left when "
        f"the mean loss since the last look falls below 0.9 ln 10 = {LEFT:.2f} nats; – where it is not within "
        f"{STEPS:,} steps. Looks are {STEPS // 100} steps apart, so {STEPS // 100} is the least that can be found.",
    ),
)
