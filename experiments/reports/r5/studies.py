"""R5: LeNet-5 with ReLU, max pooling and Adam on MNIST, and why plain gradient descent does not leave 10 %."""

from collections.abc import Sequence
from functools import partial
from statistics import fmean

import attrs

from experiments.engine import figures
from experiments.engine.study import TEST_ACCURACY, Claim, Measure, Run, Setting, StudyResults, final, listed, percent
from experiments.reports.r5.tasks import CHANCE, LEFT, Config, leave, train
from fnnet.runs import style


def quick(config: Config) -> Config:
    """A moment."""
    return attrs.evolve(config, epochs=1, examples=128, looks=64, steps=min(config.steps, 4))


def cost(config: Config) -> float:
    """Seconds on one core, from measured epochs."""
    each = 48e-6 * (1.4 if config.batch_norm else 1)
    return 2 + each * (config.steps * config.batch if config.steps else config.epochs * config.examples)


LAYERS = ("conv2d_0", "conv2d_1", "dense_0", "dense_1", "dense_2")


@style.drawn
def signal_figure(answers: StudyResults) -> bytes:
    """Signal and gradient through the net at the first step, N(0, 0.01²) against He; then the loss by step."""
    made = style.figure(13.4, 3.6)
    output, gradient, loss = made.subplots(1, 3)
    pair = (("SGD, N(0, 0.01²)", style.SERIES[0]), ("SGD, He", style.SERIES[1]))
    for label, series in pair:
        first = [run.rows[0] for run in answers.runs[label].values()]
        for axes, quantity in ((output, "output"), (gradient, "cotangent")):
            if first:
                means = [fmean(row[f"{layer}_{quantity}"] for row in first) for layer in LAYERS]
                axes.plot(range(len(LAYERS)), means, label=label.removeprefix("SGD, "), linewidth=1.3, **series)
    for axes, title in (
        (output, "output of the layer, root mean square"),
        (gradient, "gradient at that output, root mean square"),
    ):
        axes.set_yscale("log")
        axes.set_xticks(
            range(len(LAYERS)), [name.replace("conv2d_", "conv ").replace("dense_", "dense ") for name in LAYERS]
        )
        axes.set_xlabel("layer, from input to output")
        axes.set_ylabel(title)
        axes.set_title("first step", loc="left", fontsize=9)
        axes.legend(frameon=False, fontsize=7.5)
        style.tidy(axes)
    for label, series in zip(DRAWN, style.SERIES, strict=True):
        figures.band(loss, list(answers.runs[label].values()), "step", "loss", 1.0, label, series)
    loss.axhline(CHANCE, color="0.6", linewidth=0.8)
    loss.text(0.98, CHANCE, "chance: ln 10", transform=loss.get_yaxis_transform(), ha="right", va="bottom", fontsize=7)
    loss.set_ylim(0, 2.6)
    loss.set_xlabel("step (batch of 64)")
    loss.set_ylabel("training loss, nats per example")
    style.tidy(loss)
    loss.legend(frameon=False, fontsize=7.5, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return style.png(made)


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
        "smaller. What plain gradient descent adds to a weight is the rate times that: at rate 0.01 weights do not "
        "move, only the last bias learns how frequent each digit is.",
    ]
    means = {label: fmean(values.values()) for label in answers.runs if (values := answers.values(label))}
    stays = [label for label, runs in answers.runs.items() if runs and label not in means]
    leaves = sorted(means, key=lambda label: means[label])
    if stays:
        sentences.append(f"Never left by any seed: {_quoted(stays)}.")
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
        sentences.append(f"Not left by every seed: {_quoted(sometimes)}.")
    alone, resized = ([label for label in always if label in among] for among in (REPAIRS, RESIZED))
    if alone:
        sentences.append(
            f"Of {len(REPAIRS)} single changes that keep plain descent {len(alone)} repair it: {_quoted(alone)}."
        )
    if resized:
        sentences.append(
            f"The smallest is another size of the first weights ({_quoted(resized)}): no other rule, no other rate, "
            "nothing added to the net. He's size is the one that hands the signal on undiminished."
        )
    return sentences


def _quoted(labels: Sequence[str]) -> str:
    return ", ".join(f"“{label}”" for label in labels)


def _stays(answers: StudyResults) -> list[str]:
    """Whether the long run has learned anything."""
    runs = list(answers.runs["rate 0.001, 200 epochs"].values())
    if not runs:
        return []
    best = max(row["test_accuracy"] for run in runs for row in run.rows)
    one = max(sum(row) / sum(map(sum, run.final["confusion"])) for run in runs for row in run.final["confusion"])
    word = "stays" if best <= one + 1e-9 else "does not stay"
    return [
        f"It {word} there: the best test accuracy after any epoch of any seed is {100 * best:.2f} %, and always giving "
        f"the most frequent digit is right for {100 * one:.2f} %."
    ]


STEPS = 2_814  # three epochs
SGD = Config(optimizer="sgd", learning_rate=0.01, steps=STEPS)
TRIES = {
    "SGD, N(0, 0.01²)": SGD,
    "SGD, He": attrs.evolve(SGD, initialization="he"),
    "momentum 0.9, N(0, 0.01²)": attrs.evolve(SGD, optimizer="momentum"),
    "momentum 0.9, He": attrs.evolve(SGD, optimizer="momentum", initialization="he"),
    "Adam, N(0, 0.01²)": attrs.evolve(SGD, optimizer="adam", learning_rate=0.001),
    "Adam, He": attrs.evolve(SGD, optimizer="adam", learning_rate=0.001, initialization="he"),
    "SGD, rate 0.1": attrs.evolve(SGD, learning_rate=0.1),
    "SGD, rate 1": attrs.evolve(SGD, learning_rate=1.0),
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
    "SGD, rate 1",
    "SGD, N(0, 0.05²)",
    "SGD, N(0, 0.1²)",
    "SGD, batch norm",
)
REPAIRS = [label for label in TRIES if label.startswith("SGD, ") and label != "SGD, N(0, 0.01²)"]
RESIZED = [label for label in REPAIRS if TRIES[label].initialization != SGD.initialization]


def _left(run: Run) -> float | None:
    return run.final["plateau"] if run.final["left"] else None


PLATEAU = Measure("steps until the plateau is left", _left, digits=0, higher=False)
SECONDS = Measure("seconds per epoch", final("seconds_per_epoch"), digits=2, higher=False)
_study = partial(listed, data=("mnist",), seeds=range(3), cost=cost, quick=quick)
STUDIES = (
    _study(
        "r5-adam",
        task=train,
        settings=(
            Setting("after 1 epoch", Config(), 0.92, says="> 92 %", read=final("first_test_accuracy"), bound=True),
            Setting(
                "after 1 epoch, training set",
                Config(),
                0.92,
                says="> 92 %",
                read=final("first_train_accuracy"),
                bound=True,
            ),
            Setting("after 50 epochs", Config(), 0.986, says="98.6 %"),
            Setting("after 50 epochs, training set", Config(), 0.998, says="99.8 %", read=final("train_accuracy")),
        ),
        claims=(Claim("after 50 epochs", "after 1 epoch"),),
        figures={
            "": figures.curves(
                figures.TRAIN_LOSS, figures.TEST_ACCURACY, labels=("after 50 epochs",), log=("train_loss",)
            )
        },
        notes="Confusion counts of the test set are in every run's file. `run lenet5` gives the matrices of both sets, "
        "the loss of every step and the misread digits.",
    ),
    _study(
        "r5-time",
        task=train,
        settings=(Setting("batch 64", Config(epochs=1), 60.0, says="about 1 min"),),
        measure=SECONDS,
        notes="The first epoch, on one core with no other run beside it.",
        alone=True,
    ),
    _study(
        "r5-sgd",
        task=train,
        settings=(
            Setting("rate 0.001, 200 epochs", Config(optimizer="sgd", epochs=200), says="about 10 %"),
            Setting("rate 0.01, 5 epochs", Config(optimizer="sgd", learning_rate=0.01, epochs=5), ours=True),
            Setting(
                "rate 0.01, He, 5 epochs",
                Config(optimizer="sgd", learning_rate=0.01, initialization="he", epochs=5),
                ours=True,
            ),
        ),
        claims=(Claim("rate 0.01, He, 5 epochs", "rate 0.01, 5 epochs", ours=True),),
        columns=(percent("training accuracy", "train_accuracy"),),
        figures={"": figures.curves(figures.TRAIN_LOSS, figures.TEST_ACCURACY, log=("epoch",))},
        remarks=_stays,
        notes="The report does not give the rate; 0.001 is that of its Adam.",
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
                ("dense_2_output", "logits, root mean square", 1.0),
                ("conv2d_0_gradient", "gradient by conv 0's parameters, rms", 1.0),
                labels=[
                    f"{rule}, {begin}" for begin in ("N(0, 0.01²)", "He") for rule in ("SGD", "momentum 0.9", "Adam")
                ],
                x=("step", "step (batch of 64)"),
                log=("dense_2_output", "conv2d_0_gradient", "step"),
            ),
        },
        remarks=explain,
        notes="Batch 64, rate 0.01 for descent and momentum, 0.001 for Adam, three epochs; the plateau is left when "
        f"the mean loss since the last look falls below 0.9 ln 10 = {LEFT:.2f} nats; – where it is not within "
        f"{STEPS:,} steps. Looks are {STEPS // 100} steps apart, so {STEPS // 100} is the least that can be found.",
    ),
)
