"""R1: a back-propagation network and ten extensions, on a part of MNIST."""

from functools import partial

import attrs

from experiments.engine import figures
from experiments.engine.remarks import TIMED, times_faster
from experiments.engine.study import Claim, Measure, Setting, final, listed
from experiments.reports import timing
from experiments.reports.r1.tasks import Config, train


def quick(config: Config) -> Config:
    """One epoch on little."""
    return attrs.evolve(config, epochs=1, examples=96, looks=50, hidden=tuple(min(n, 16) for n in config.hidden))


def cost(config: Config) -> float:
    """Seconds on one core, from measured epochs."""
    weights = sum(a * b for a, b in zip((784, *config.hidden), (*config.hidden, 10), strict=True))
    each = 26e-6 * (0.2 + 0.8 * weights / 234_752) + 70e-6 * config.convolution + 9e-6 * (config.dropout > 0)
    return 0.3 + config.epochs * config.examples * (4 if config.augment else 1) * (2 if config.more else 1) * each


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
MILLISECONDS = Measure("milliseconds", final("milliseconds"), digits=3, higher=False)
ERROR = Measure("largest difference from whole-batch arrays", final("error"), digits=None, higher=False)
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
        notes=TIMED,
        seeds=range(3),
        remarks=times_faster(
            ("arrays, whole batch", "loops over weights"),
            ("arrays, whole batch", "arrays, example by example"),
        ),
        cost=lambda config: 10.0 if config.how == "loops" else 0.5,
        alone=True,
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
        figures={"": figures.curves(figures.VALID_ACCURACY)},
        notes="Squared error here is half the sum over outputs; without the half, steps are twice as long, as in "
        "our row.",
        claims=(
            Claim("softmax, cross-entropy", "squared error"),
            Claim("softmax, cross-entropy", "squared error, twice the rate", ours=True),
        ),
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
        columns=(),
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
