"""R5: LeNet-5 with ReLU, max pooling and Adam on MNIST, and why plain gradient descent does not leave 10 %."""

import math
from collections.abc import Sequence
from functools import partial
from statistics import fmean
from typing import Any

import attrs

from experiments.recipes import INITIALIZERS
from experiments.studies import figures, fit, nets, sources
from experiments.study import Answers, Claim, Measure, Result, Setting, Tell, final, listed, percent
from fnnet import data, layers, losses, metrics, optim, rng, training
from fnnet.initializers import Initializer, normal
from fnnet.types import Layer, Optimizer

CLASSES = 10
CHANCE = math.log(CLASSES)  # nats: the loss of a net that knows nothing
LEFT = 0.9 * CHANCE  # a loss below this has left the plateau


@attrs.frozen
class Config:
    """Settings of R5; the defaults are its run.

    Args:
        initialization: "he", or "normal_" and the standard deviation.
        standardise: whether pixels are brought to mean 0 and variance 1 over the training set.
        steps: stop after so many (whole epochs otherwise).
    """

    optimizer: str = "adam"
    learning_rate: float = 0.001
    initialization: str = "normal_0.01"
    standardise: bool = False
    batch_norm: bool = False
    batch: int = 64
    epochs: int = 50
    steps: int = 0
    examples: int = 60_000
    looks: int = 10_000


OPTIMIZERS: dict[str, Any] = {
    "adam": partial(optim.adam, eps=1e-7),
    "sgd": optim.sgd,
    "momentum": partial(optim.sgd, momentum=0.9),
}


def net(config: Config) -> Layer:
    """R5's net; with batch norm, between every layer with weights and its activation."""
    init = initializer(config)
    plain = nets.lenet5("relu", layers.max_pool, init)
    if not config.batch_norm:
        return plain
    children = [child for _, child in plain.children]
    learned = [child.name in ("conv2d", "dense") for child in children[:-1]]
    pairs = zip(children[:-1], learned, strict=True)
    body = [part for child, learns in pairs for part in ([child, layers.batch_norm()] if learns else [child])]
    return layers.serial(*body, children[-1])


def initializer(config: Config) -> Initializer:
    """Of all weights."""
    word, _, std = config.initialization.partition("_")
    return normal(float(std)) if word == "normal" else INITIALIZERS[config.initialization]


def optimizer(config: Config) -> Optimizer:
    """The update rule."""
    rule: Optimizer = OPTIMIZERS[config.optimizer](config.learning_rate)
    return rule


def arrays(config: Config, directory: str | None) -> tuple[fit.Arrays, fit.Arrays]:
    """Training and test; pixels in [0, 1], or standardised by the training set's mean and deviation."""
    found = sources.load("mnist", directory)
    parts = data.subset(found.train, slice(config.examples)), data.subset(found.test, slice(config.looks))
    train, test = ((data.scale(part.images), part.labels) for part in parts)
    if config.standardise:
        mean, deviation = float(train[0].mean()), float(train[0].std())
        train, test = (((x - mean) / deviation, labels) for x, labels in (train, test))
    return train, test


def train(config: Config, seed: int, directory: str | None, tell: Tell) -> Result:
    """Train, test after every epoch, count what is confused."""
    examples, test = arrays(config, directory)
    model, loss, rule = net(config), losses.softmax_cross_entropy, optimizer(config)
    epoch = fit.shuffled(examples, config.batch)
    state, rows = fit.fit(model, loss, rule, seed, epoch, config.epochs, tell, {"test": test})
    whole = training.evaluate(model, state.params, examples, fit.ACCURACY, loss, 500)
    counts = training.evaluate(model, state.params, test, {"confusion": metrics.confusion}, size=500)["confusion"]
    ending = {
        "test_accuracy": rows[-1]["test_accuracy"],
        "train_accuracy": whole["accuracy"],
        "first_test_accuracy": rows[0]["test_accuracy"],
        "first_train_accuracy": rows[0]["train_accuracy"],
        "seconds_per_epoch": fmean(row["seconds"] for row in rows),
        "confusion": counts.tolist(),
    }
    return Result(rows, ending)


def leave(config: Config, seed: int, directory: str | None, tell: Tell) -> Result:
    """Train step by step, measuring signal and gradient of every layer now and then, until the plateau is left.

    A row every so many steps: the mean loss since the last row, and for every layer with weights the root mean square
    of its output, of the cotangent that reaches its output, of its weights' gradient and of its weights.
    """
    examples, test = arrays(config, directory)
    model, loss, rule = net(config), losses.softmax_cross_entropy, optimizer(config)
    state = training.init(model, rule, rng.key(seed), examples[0].shape[1:])
    step = training.make_step(model, loss, rule)
    order = rng.fold_in(state.key, "shuffle")
    every = max(1, config.steps // 100)
    rows: list[dict[str, Any]] = []
    window: list[float] = []
    left = None
    number = 0
    while state.step < config.steps:
        for batch in fit.shuffled(examples, config.batch)(rng.fold_in(order, number)):
            if state.step % every == 0:
                sizes = signals(model, loss, rule, state, batch)
                rows.append({"step": state.step, "loss": fmean(window) if window else None, **sizes})
                window = []
                tell(state.step / config.steps)
                if left is None and rows[-1]["loss"] is not None and rows[-1]["loss"] < LEFT:
                    left = state.step
            state, values = step(state, batch)
            window.append(values["loss"])
            if state.step == config.steps:
                break
        number += 1
    tested = training.evaluate(model, state.params, test, fit.ACCURACY, loss, 500)
    first = rows[0]
    ending = {
        "plateau": config.steps if left is None else left,
        "left": left is not None,
        "test_accuracy": tested["accuracy"],
        "first_output": first["dense_2_output"],
        "first_gradient": first["conv2d_0_gradient"],
        "first_ratio": first["conv2d_0_gradient"] / first["conv2d_0_weight"],
    }
    return Result(rows, ending)


def signals(
    model: Layer, loss: Any, rule: Optimizer, state: training.TrainState, batch: fit.Arrays
) -> dict[str, float]:
    """Sizes in every layer with weights, by name."""
    found: dict[str, float] = {}
    for row in training.trace(model, loss, rule, state, batch):
        if row.gradient is not None and row.params is not None and row.update is not None and row.kind != "batch_norm":
            assert row.output_gradient is not None
            found |= {
                f"{row.path}_output": row.output.rms,
                f"{row.path}_cotangent": row.output_gradient.rms,
                f"{row.path}_gradient": row.gradient.rms,
                f"{row.path}_weight": row.params.rms,
                f"{row.path}_update": row.update.rms,
            }
    return found


def quick(config: Config) -> Config:
    """A moment."""
    return attrs.evolve(config, epochs=1, examples=128, looks=64, steps=min(config.steps, 4))


def cost(config: Config) -> float:
    """Seconds on one core, from measured epochs."""
    each = 80e-6 * (1.6 if config.batch_norm else 1)
    return each * (config.steps * config.batch if config.steps else config.epochs * config.examples)


LAYERS = ("conv2d_0", "conv2d_1", "dense_0", "dense_1", "dense_2")


def signal_figure(answers: Answers) -> bytes:
    """Signal and gradient through the net at the first step, N(0, 0.01²) against He; then the loss by step."""
    made = figures.figure(13.4, 3.6)
    output, gradient, loss = made.subplots(1, 3)
    pair = (("SGD, N(0, 0.01²)", figures.STYLES[0]), ("SGD, He", figures.STYLES[1]))
    for label, style in pair:
        first = [run.rows[0] for run in answers.runs[label].values()]
        for axes, quantity in ((output, "output"), (gradient, "gradient")):
            if first:
                means = [fmean(row[f"{layer}_{quantity}"] for row in first) for layer in LAYERS]
                axes.plot(range(len(LAYERS)), means, label=label.removeprefix("SGD, "), linewidth=1.3, **style)
    for axes, title in (
        (output, "output of the layer, root mean square"),
        (gradient, "gradient by its weights, root mean square"),
    ):
        axes.set_yscale("log")
        axes.set_xticks(
            range(len(LAYERS)), [name.replace("conv2d_", "conv ").replace("dense_", "dense ") for name in LAYERS]
        )
        axes.set_xlabel("layer, from input to output")
        axes.set_ylabel(title)
        axes.set_title("first step", loc="left", fontsize=9)
        axes.legend(frameon=False, fontsize=7.5)
        figures.tidy(axes)
    for label, style in zip(DRAWN, figures.STYLES, strict=True):
        figures.band(loss, list(answers.runs[label].values()), "step", "loss", 1.0, label, style)
    loss.axhline(CHANCE, color="0.6", linewidth=0.8)
    loss.text(0.98, CHANCE, "chance: ln 10", transform=loss.get_yaxis_transform(), ha="right", va="bottom", fontsize=7)
    loss.set_ylim(0, 2.6)
    loss.set_xlabel("step (batch of 64)")
    loss.set_ylabel("training loss, nats per example")
    figures.tidy(loss)
    loss.legend(frameon=False, fontsize=7.5, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figures.png(made)


def explain(answers: Answers) -> list[str]:
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
        f"{outputs[0]:.2g} behind the first convolution to {outputs[-1]:.2g} at the logits. All logits are the same, "
        "so the softmax says one tenth for everything, whatever the picture: the loss is ln 10 and accuracy 10 %.",
        "Going back, the gradient is multiplied by the same small weights. At the first convolution it is "
        f"{gradients[0]:.1e} "
        f"against {theirs[0]:.1e} with He, {theirs[0] / gradients[0]:.0e} times smaller. What plain gradient "
        "descent adds "
        "to a weight is the rate times that: weights do not move, only the last bias learns how frequent each "
        "digit is.",
    ]
    means = {label: fmean(values.values()) for label in answers.runs if (values := answers.values(label))}
    stays = [label for label in means if not any(run.final["left"] for run in answers.runs[label].values())]
    leaves = sorted((label for label in means if label not in stays), key=lambda label: means[label])
    if stays:
        steps = max(means[label] for label in stays)
        sentences.append(f"Still on the plateau after {steps:,.0f} steps: {_quoted(stays)}.")
    if "Adam, N(0, 0.01²)" in leaves:
        sentences.append(
            "Adam divides every gradient by its own running size, so a tiny gradient makes a step as long as a large "
            "one; that is why R5's own run left the plateau."
        )
    if leaves:
        listed = "; ".join(f"“{label}” {means[label]:,.0f}" for label in leaves)
        sentences.append(f"Steps until it is left: {listed}.")
    alone, resized = ([label for label in leaves if label in among] for among in (REPAIRS, RESIZED))
    if alone:
        sentences.append(f"Of {len(REPAIRS)} single changes to plain descent {len(alone)} repair it: {_quoted(alone)}.")
    if resized:
        sentences.append(
            f"The smallest is another size of the first weights ({_quoted(resized)}): no other rule, no other rate, "
            "nothing added to the net. He's size is the one that hands the signal on undiminished."
        )
    return sentences


def _quoted(labels: Sequence[str]) -> str:
    return ", ".join(f"“{label}”" for label in labels)


def _stays(answers: Answers) -> list[str]:
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


STEPS = 4_690  # five epochs
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
PLATEAU = Measure(f"steps on the plateau (at most {STEPS:,})", final("plateau"), digits=0, higher=False)
SECONDS = Measure("seconds per epoch", final("seconds_per_epoch"), digits=1, higher=False)
_study = partial(listed, data=("mnist",), seeds=range(3), cost=cost, quick=quick)

STUDIES = (
    _study(
        "r5-adam",
        task=train,
        settings=(
            Setting("after 1 epoch", Config(), 0.92, says="> 92 %", read=final("first_test_accuracy")),
            Setting("after 50 epochs", Config(), 0.986, says="98.6 %"),
            Setting("after 50 epochs, training set", Config(), 0.998, says="99.8 %", read=final("train_accuracy")),
        ),
        claims=(Claim("after 50 epochs", "after 1 epoch"),),
        columns=(SECONDS,),
        figures={"": figures.curves(figures.TRAIN_LOSS, figures.TEST_ACCURACY, labels=("after 50 epochs",))},
        notes="Reported time: about a minute an epoch. Confusion counts of every run are in its file; the run of "
        "`lenet5` shows matrices and misread digits.",
    ),
    _study(
        "r5-sgd",
        task=train,
        settings=(
            Setting("rate 0.001, 200 epochs", Config(optimizer="sgd", epochs=200), says="about 10 %"),
            Setting("rate 0.01, 50 epochs", Config(optimizer="sgd", learning_rate=0.01), ours=True),
            Setting(
                "rate 0.01, He, 10 epochs",
                Config(optimizer="sgd", learning_rate=0.01, initialization="he", epochs=10),
                ours=True,
            ),
        ),
        claims=(Claim("rate 0.01, He, 10 epochs", "rate 0.001, 200 epochs", ours=True),),
        columns=(percent("training accuracy", "train_accuracy"),),
        figures={"": figures.curves(figures.TRAIN_LOSS, figures.TEST_ACCURACY)},
        remarks=_stays,
        notes="The report does not give the rate; 0.001 is that of its Adam.",
    ),
    _study(
        "r5-plateau",
        task=leave,
        settings=[Setting(label, config, ours=True) for label, config in TRIES.items()],
        measure=PLATEAU,
        claims=[Claim(label, "SGD, N(0, 0.01²)", ours=True) for label in list(TRIES)[1:]],
        columns=(
            Measure("logits at the start, rms", final("first_output"), digits=7),
            Measure("gradient at the first convolution, rms", final("first_gradient"), digits=9),
            percent("test accuracy", "test_accuracy"),
        ),
        figures={
            "": signal_figure,
            "steps": figures.curves(
                ("dense_2_output", "logits, root mean square", 1.0),
                ("conv2d_0_gradient", "gradient at the first convolution, rms", 1.0),
                labels=[
                    f"{rule}, {begin}" for begin in ("N(0, 0.01²)", "He") for rule in ("SGD", "momentum 0.9", "Adam")
                ],
                x=("step", "step (batch of 64)"),
                log=("dense_2_output", "conv2d_0_gradient"),
            ),
        },
        remarks=explain,
        notes="Batch 64, rate 0.01 for descent and momentum, 0.001 for Adam, five epochs; the plateau is left when "
        f"the mean loss since the last look falls below 0.9 ln 10 = {LEFT:.2f} nats.",
    ),
)
