"""R1: a back-propagation network and ten extensions, on a part of MNIST."""

from functools import partial
from typing import Literal

import attrs

from experiments.studies import figures, fit, nets, sources, timing
from experiments.study import Answers, Claim, Measure, Result, Setting, Tell, final, listed
from fnnet import data, initializers, layers, losses, optim, rng, training
from fnnet.losses import LossValue
from fnnet.types import Array, Layer, Optimizer


@attrs.frozen
class Config:
    """Settings of R1; the defaults are its default training."""

    hidden: tuple[int, ...] = (256, 128)
    activation: str = "leaky 0.001"
    momentum: float = 0.0
    l2: float = 0.0
    loss: Literal["softmax cross-entropy", "squared error"] = "softmax cross-entropy"
    every_bias: bool = True
    dropout: float = 0.0
    rescale: bool = False
    augment: bool = False
    convolution: bool = False
    more: Literal["", "last layer", "all layers"] = ""
    learning_rate: float = 0.01
    batch: int = 32
    epochs: int = 20
    examples: int = 10_000
    looks: int = 1_000


def net(config: Config) -> Layer:
    """Dense layers, perhaps behind a convolution with three kernels."""
    dropout = (lambda: layers.dropout(config.dropout, rescale=config.rescale)) if config.dropout else None
    body = nets.mlp(
        config.hidden, 10, config.activation, initializers.xavier_normal(), dropout, every_bias=config.every_bias
    )
    if not config.convolution:
        return body
    front = layers.conv2d(3, 5, padding=2, init=initializers.xavier_normal())
    return layers.serial(front, nets.ACTIVATIONS[config.activation](), body)


def optimizer(config: Config) -> Optimizer:
    """Plain gradient descent or momentum; L2 adds λ W to the gradient of every weight."""
    descent = optim.sgd(config.learning_rate, momentum=config.momentum)
    if not config.l2:
        return descent
    return optim.l2(descent, config.l2, where=optim.is_weight)


def squared_error(prediction: Array, labels: Array, reduction: str = "mean") -> LossValue:
    """Squared error against one-hot rows: ½ the sum over outputs."""
    return losses.squared_error(prediction, data.one_hot(labels, prediction.shape[1]), reduction)


LOSSES = {"softmax cross-entropy": losses.softmax_cross_entropy, "squared error": squared_error}


def arrays(config: Config, directory: str | None) -> tuple[fit.Arrays, fit.Arrays, fit.Arrays]:
    """Training, validation and test: the 10,000 images behind the first 1,000, those, and the first 1,000 for test."""
    found = sources.load("mnist", directory)
    n = min(1_000, len(found.train.labels) // 4)
    parts = (
        data.subset(found.train, slice(n, n + config.examples)),
        data.subset(found.train, slice(min(n, config.looks))),
        data.subset(found.test, slice(config.looks)),
    )
    train, valid, test = ((data.binarise(data.scale(part.images)), part.labels) for part in parts)
    return train, valid, test


def augmented(seed: int, x: Array, labels: Array) -> tuple[Array, Array]:
    """Four times the data: as they are, with noise, shifted, cropped and padded back."""
    key = rng.fold_in(rng.key(seed), "augment")
    return data.with_copies(key, x, labels, [data.noise, data.shift, data.crop])


def train(config: Config, seed: int, directory: str | None, tell: Tell) -> Result:
    """Train a net as R1 does; with `more`, go on for as many epochs, all layers or the last alone."""
    examples, valid, test = arrays(config, directory)
    if config.augment:
        examples = augmented(seed, *examples)
    model, loss, rule = net(config), LOSSES[config.loss], optimizer(config)
    epoch = fit.shuffled(examples, config.batch, "fill")
    looks = {"valid": valid, "test": test}
    share = 2 if config.more else 1
    state, rows = fit.fit(model, loss, rule, seed, epoch, config.epochs, lambda part: tell(part / share), looks)
    ending = {f"test_{name}": rows[-1][f"test_{name}"] for name in ("accuracy", "loss")}
    if config.more:
        ending["before"] = ending["test_accuracy"]
        if config.more == "last layer":
            last = f"dense_{len(config.hidden)}."
            rule = optim.freeze(rule, lambda path, leaf: not path.startswith(last))
        fresh = training.TrainState(state.step, state.params, rule.init(state.params), state.key)
        state, further = fit.fit(
            model,
            loss,
            rule,
            seed,
            lambda key: epoch(rng.fold_in(key, "more")),
            config.epochs,
            lambda part: tell(0.5 + part / 2),
            looks,
            start=fresh,
        )
        rows += [{**row, "epoch": row["epoch"] + config.epochs} for row in further]
        ending |= {f"test_{name}": rows[-1][f"test_{name}"] for name in ("accuracy", "loss")}
    ending |= {
        "valid_accuracy": rows[-1]["valid_accuracy"],
        "train_accuracy": rows[-1]["train_accuracy"],
        "seconds_per_epoch": sum(row["seconds"] for row in rows) / len(rows),
    }
    return Result(rows, ending)


def quick(config: Config) -> Config:
    """One epoch on little."""
    return attrs.evolve(config, epochs=1, examples=96, looks=50, hidden=tuple(min(n, 16) for n in config.hidden))


def cost(config: Config) -> float:
    """Seconds on one core, from measured epochs."""
    weights = sum(a * b for a, b in zip((784, *config.hidden), (*config.hidden, 10), strict=True))
    each = 35e-6 * (0.3 + 0.7 * weights / 234_752) + (70e-6 if config.convolution else 0)
    return config.epochs * config.examples * (4 if config.augment else 1) * (2 if config.more else 1) * each


VALID_ACCURACY = Measure("validation accuracy, %", final("valid_accuracy"), 100)
CURVES = {"": figures.curves(figures.TRAIN_LOSS, figures.VALID_ACCURACY)}
_study = partial(
    listed,
    task=train,
    data=("mnist",),
    columns=(VALID_ACCURACY,),
    figures=CURVES,
    cost=cost,
    quick=quick,
)
BASE = Config()
DROPOUT = (0.1, 0.5)


def _speed(answers: Answers) -> list[str]:
    """How many times faster each is than the one before."""
    found = [(setting.label, answers.values(setting.label)) for setting in answers.study.settings]
    means = [(label, sum(values.values()) / len(values)) for label, values in found if values]
    return [
        f"{label.capitalize()}: {first / mean:,.0f} times faster than {means[0][0]}."
        for (label, mean), first in ((pair, means[0][1]) for pair in means[1:])
    ]


MILLISECONDS = Measure("milliseconds", final("milliseconds"), digits=3, higher=False)
ERROR = Measure("largest difference, 10⁻¹⁵", final("error"), 1e15, higher=False)

STUDIES = (
    _study(
        "r1-layers",
        settings=(
            Setting("256, 128", BASE, 0.918),
            Setting("512, 128", attrs.evolve(BASE, hidden=(512, 128)), 0.922),
            Setting("256", attrs.evolve(BASE, hidden=(256,)), 0.904),
        ),
        claims=(Claim("512, 128", "256, 128"), Claim("256, 128", "256")),
    ),
    _study(
        "r1-momentum",
        settings=(
            Setting("momentum 0", BASE, 0.906),
            Setting("momentum 0.5", attrs.evolve(BASE, momentum=0.5), 0.925),
            Setting("momentum 0.9", attrs.evolve(BASE, momentum=0.9), 0.946),
            Setting("momentum 0, ten times the rate", attrs.evolve(BASE, learning_rate=0.1), ours=True),
        ),
        claims=(
            Claim("momentum 0.5", "momentum 0"),
            Claim("momentum 0.9", "momentum 0.5"),
            Claim("momentum 0.9", "momentum 0, ten times the rate", ours=True),
        ),
        notes="Momentum 0.9 makes steps ten times as long in the end; our last row gives plain descent the same "
        "length.",
    ),
    listed(
        "r1-arrays",
        task=timing.step,
        settings=(
            Setting("loops over weights", timing.Step("loops"), says="stated"),
            Setting("arrays, example by example", timing.Step("examples"), ours=True),
            Setting("arrays, whole batch", timing.Step("arrays"), says="stated"),
        ),
        measure=MILLISECONDS,
        claims=(
            Claim("arrays, whole batch", "loops over weights"),
            Claim("arrays, whole batch", "arrays, example by example", ours=True),
        ),
        columns=(ERROR,),
        seeds=range(3),
        remarks=_speed,
        cost=lambda config: 12.0 if config.how == "loops" else 0.5,
        quick=lambda config: attrs.evolve(config, widths=(20, 8, 10), batch=2),
    ),
    _study(
        "r1-l2",
        settings=(
            Setting("λ = 0", BASE, 0.914),
            Setting("λ = 0.001", attrs.evolve(BASE, l2=0.001), 0.928),
            Setting("λ = 0.01", attrs.evolve(BASE, l2=0.01), 0.899),
        ),
        claims=(Claim("λ = 0.001", "λ = 0"), Claim("λ = 0", "λ = 0.01")),
    ),
    _study(
        "r1-loss",
        settings=(
            Setting("softmax, cross-entropy", BASE, 0.914),
            Setting("squared error", attrs.evolve(BASE, loss="squared error"), 0.908),
            Setting(
                "squared error, twice the rate", attrs.evolve(BASE, loss="squared error", learning_rate=0.02), ours=True
            ),
        ),
        figures={"": figures.curves(figures.OTHER_LOSS, figures.VALID_ACCURACY)},
        notes="Squared error here is half the sum over outputs; without the half, steps are twice as long, as in "
        "our row.",
        claims=(Claim("softmax, cross-entropy", "squared error"),),
    ),
    _study(
        "r1-bias",
        settings=(
            Setting("bias in every layer", BASE, 0.920),
            Setting("bias in the first layer", attrs.evolve(BASE, every_bias=False), 0.900),
        ),
        claims=(Claim("bias in every layer", "bias in the first layer"),),
    ),
    _study(
        "r1-dropout",
        settings=(
            Setting("rate 0", BASE, 0.919),
            *(
                Setting(f"rate {rate}", attrs.evolve(BASE, dropout=rate), reported)
                for rate, reported in zip(DROPOUT, (0.912, 0.866), strict=True)
            ),
            *(
                Setting(f"rate {rate}, inverted", attrs.evolve(BASE, dropout=rate, rescale=True), ours=True)
                for rate in DROPOUT
            ),
        ),
        claims=(
            Claim("rate 0", "rate 0.1"),
            Claim("rate 0.1", "rate 0.5"),
            Claim("rate 0.5, inverted", "rate 0.5", ours=True),
        ),
    ),
    _study(
        "r1-fine-tuning",
        settings=(
            Setting("before", attrs.evolve(BASE, more="last layer"), 0.902, read=final("before")),
            Setting("last layer, 20 more epochs", attrs.evolve(BASE, more="last layer"), 0.916),
            Setting("all layers, 20 more epochs", attrs.evolve(BASE, more="all layers"), ours=True),
        ),
        claims=(
            Claim("last layer, 20 more epochs", "before"),
            Claim("all layers, 20 more epochs", "last layer, 20 more epochs", ours=True),
        ),
        figures={
            "": figures.curves(
                figures.TRAIN_LOSS,
                figures.VALID_ACCURACY,
                labels=("last layer, 20 more epochs", "all layers, 20 more epochs"),
            )
        },
    ),
    _study(
        "r1-augmentation",
        settings=(
            Setting("without", BASE, 0.907),
            Setting("with", attrs.evolve(BASE, augment=True), 0.948),
            Setting("without, four times the epochs", attrs.evolve(BASE, epochs=80), ours=True),
        ),
        claims=(Claim("with", "without"), Claim("with", "without, four times the epochs", ours=True)),
        notes="Four times the data means four times the steps; our last row makes as many steps on the plain data. "
        "Around a shifted or cropped image there is background, not 255 as in the report.",
    ),
    _study(
        "r1-convolution",
        settings=(
            Setting("without", BASE, 0.907),
            Setting("with", attrs.evolve(BASE, convolution=True), 0.934),
        ),
        claims=(Claim("with", "without"),),
        notes="3 kernels 5×5, padding 2, leaky ReLU, then 2352-256-128-10. The report divides the convolution's "
        "gradient by the batch twice; here it is divided once.",
    ),
)
