"""R1: a back-propagation network and ten extensions, on a part of MNIST."""

from functools import partial
from typing import Any

import attrs

from experiments.engine import figures
from experiments.engine.remarks import TIMED, times_faster
from experiments.engine.study import (
    Claim,
    Measure,
    Run,
    Setting,
    Statement,
    claims_by,
    deviation_from_trend,
    final,
    first_mean,
    last,
    listed,
    of_differences,
    of_run,
)
from experiments.reports import timing
from experiments.reports.r1.tasks import Config, train


def quick(config: Config) -> Config:
    """One epoch on little."""
    return attrs.evolve(config, epochs=1, examples=96, looks=50, hidden=tuple(min(n, 16) for n in config.hidden))


def cost(config: Config) -> float:
    """Seconds on one core, from measured epochs."""
    weights = sum(a * b for a, b in zip((784, *config.hidden), (*config.hidden, 10), strict=True))
    each = 26e-6 * (0.2 + 0.8 * weights / 234_752) + 70e-6 * bool(config.convolution) + 9e-6 * (config.dropout > 0)
    return 0.3 + config.epochs * config.examples * (4 if config.augment else 1) * (2 if config.more else 1) * each


VALID_ACCURACY = Measure("validation accuracy, %", final("valid_accuracy"), 100)
SPEED = Measure("training loss of the first 5 epochs, mean, nats", first_mean(5, "train_loss"), digits=3, higher=False)
LAST_LOSS = Measure("training loss of the last epoch, nats", last("train_loss"), digits=3, higher=False)
EARLY_ACCURACY = Measure("validation accuracy of the first 5 epochs, mean, %", first_mean(5, "valid_accuracy"), 100)
MEAN_LOSS = Measure("training loss, mean over epochs, nats", first_mean(20, "train_loss"), digits=3, higher=False)
UNSTEADINESS = Measure(
    "deviation of the training loss from its trend over the last half, nats",
    deviation_from_trend("train_loss", 0.5),
    digits=4,
    higher=False,
)
LOSS_CURVE = (
    "The report's loss curve is the loss of one example of an epoch's last batch, divided by 32 (l.245–247, 357–358); "
    "ours is the mean over the epoch."
)
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
SQUARED = attrs.evolve(BASE, loss="squared error")
FIRST_BIAS = attrs.evolve(BASE, every_bias=False)
MILLISECONDS = Measure("milliseconds", final("milliseconds"), digits=3, higher=False)
ERROR = Measure("largest difference from whole-batch arrays", final("error"), digits=None, higher=False)
SAME_CURVE = 0.02  # nats, in the mean over 20 epochs: what we call no notable difference of curves
SAME_LOSS = 0.05  # nats: what we call no notable fall


def fall(run: Run) -> float:
    """By how much the training loss falls from the first epoch of fine-tuning to the last."""
    tuned = run.rows[len(run.rows) // 2 :]
    return float(tuned[0]["train_loss"] - tuned[-1]["train_loss"])


# What R1's dropout does beside dropping, taken away one after the other.
WITHOUT: dict[str, dict[str, Any]] = {
    "rate {}, no penalty": {"unmasked": True},
    "rate {}, no penalty, dropped units pass no gradient": {},
    "rate {}, inverted, no penalty": {"rescale": True},
}
STUDIES = (
    _study(
        "r1-layers",
        settings=(
            Setting("256, 128", BASE, 0.918, line="R1 l.723"),
            Setting("512, 128", attrs.evolve(BASE, hidden=(512, 128)), 0.922, line="R1 l.724"),
            Setting("256", attrs.evolve(BASE, hidden=(256,)), 0.904, line="R1 l.725"),
        ),
        claims=(
            Claim("512, 128", "256, 128", line="R1 l.728"),
            *claims_by("256, 128", "256", "R1 l.728", None, SPEED, UNSTEADINESS),
            Statement(
                f"no notable difference of the loss curves of “512, 128” and “256, 128”: less than {SAME_CURVE} nats",
                "R1 l.728",
                f"{SAME_CURVE} less the difference of the mean training losses, nats",
                of_differences((1, "512, 128"), (-1, "256, 128"), by=MEAN_LOSS, most=SAME_CURVE),
                digits=3,
            ),
        ),
        notes=LOSS_CURVE,
    ),
    _study(
        "r1-momentum",
        settings=(
            Setting("momentum 0", BASE, 0.906, line="R1 l.763"),
            Setting("momentum 0.5", attrs.evolve(BASE, momentum=0.5), 0.925, line="R1 l.764"),
            Setting("momentum 0.9", attrs.evolve(BASE, momentum=0.9), 0.946, line="R1 l.765"),
            Setting("momentum 0, ten times the rate", attrs.evolve(BASE, learning_rate=0.1), ours=True),
        ),
        claims=(
            *claims_by("momentum 0.5", "momentum 0", "R1 l.768", None, VALID_ACCURACY, SPEED, UNSTEADINESS),
            *claims_by("momentum 0.9", "momentum 0.5", "R1 l.768", None, VALID_ACCURACY, SPEED, UNSTEADINESS),
            Claim("momentum 0.9", "momentum 0, ten times the rate", ours=True),
        ),
        notes="Momentum 0.9 makes steps ten times as long in the end; our last row gives plain descent the same "
        f"length. {LOSS_CURVE}",
    ),
    listed(
        "r1-arrays",
        task=timing.step,
        settings=(
            Setting("loops over weights", timing.Step("loops"), says="stated", line="R1 l.780"),
            Setting("arrays, example by example", timing.Step("examples"), ours=True),
            Setting("arrays, whole batch", timing.Step("arrays"), says="stated", line="R1 l.305"),
        ),
        measure=MILLISECONDS,
        claims=(
            Claim("arrays, whole batch", "loops over weights", line="R1 l.776"),
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
            Setting("λ = 0", BASE, 0.914, line="R1 l.832"),
            Setting("λ = 0.001", attrs.evolve(BASE, l2=0.001), 0.928, line="R1 l.833"),
            Setting("λ = 0.01", attrs.evolve(BASE, l2=0.01), 0.899, line="R1 l.834"),
        ),
        claims=(
            Claim("λ = 0.001", "λ = 0", line="R1 l.837"),
            Claim("λ = 0", "λ = 0.01", line="R1 l.837"),
            Claim("λ = 0.001", "λ = 0.01", line="R1 l.837"),
            Claim("λ = 0", "λ = 0.001", by=LAST_LOSS, line="R1 l.837"),
            Claim("λ = 0.001", "λ = 0.01", by=LAST_LOSS, line="R1 l.837"),
        ),
        notes=f"The training loss is that of the predictions; the report's curve has the penalty in it. {LOSS_CURVE}",
    ),
    _study(
        "r1-loss",
        settings=(
            Setting("softmax, cross-entropy", BASE, 0.914, line="R1 l.849, 868"),
            Setting("squared error", SQUARED, 0.908, line="R1 l.851, 869"),
            Setting("squared error, twice the rate", attrs.evolve(SQUARED, learning_rate=0.02), ours=True),
        ),
        figures={"": figures.curves(figures.VALID_ACCURACY)},
        notes="Squared error here is half the sum over outputs; without the half, steps are twice as long, as in "
        "our row. That its loss falls more slowly cannot be asked, two losses have no common unit; how fast the "
        "validation accuracy rises can.",
        claims=(
            *claims_by("softmax, cross-entropy", "squared error", "R1 l.872", None, VALID_ACCURACY, EARLY_ACCURACY),
            Claim("softmax, cross-entropy", "squared error, twice the rate", ours=True),
        ),
    ),
    _study(
        "r1-bias",
        settings=(
            Setting("bias in every layer", BASE, 0.920, line="R1 l.888"),
            Setting(
                "bias in the first layer, squared error",
                attrs.evolve(FIRST_BIAS, loss="squared error"),
                0.900,
                line="R1 l.889",
                former="bias in the first layer",
            ),
            Setting("bias in the first layer alone", FIRST_BIAS, ours=True),
            Setting("squared error alone", SQUARED, ours=True),
            Setting(
                "every bias follows its layer's first unit", attrs.evolve(BASE, bias_gradient="first unit"), ours=True
            ),
        ),
        claims=(
            *claims_by(
                "bias in every layer",
                "bias in the first layer, squared error",
                "R1 l.911",
                None,
                VALID_ACCURACY,
                EARLY_ACCURACY,
            ),
            Claim("bias in every layer", "bias in the first layer alone", ours=True),
            Claim("bias in every layer", "squared error alone", ours=True),
            Claim("bias in every layer", "every bias follows its layer's first unit", ours=True),
        ),
        figures={"": figures.curves(figures.VALID_ACCURACY)},
        notes="The report's second net also drops classification (l.889), so its loss is squared error: two things "
        "change at once. Our rows change one. The last is a line as it is printed (l.319: `[0, np.newaxis]`), where "
        "`[:, np.newaxis]` must be meant, as in l.425.",
    ),
    _study(
        "r1-dropout",
        settings=(
            Setting("rate 0, λ = 0", BASE, 0.919, line="R1 l.956", former="rate 0"),
            Setting(
                "rate 0.1, λ = 0.001",
                attrs.evolve(BASE, dropout=0.1, unmasked=True, l2=0.001),
                0.912,
                line="R1 l.961",
                former="rate 0.1",
            ),
            Setting(
                "rate 0.5, λ = 0.01",
                attrs.evolve(BASE, dropout=0.5, unmasked=True, l2=0.01),
                0.866,
                line="R1 l.966",
                former="rate 0.5",
            ),
            *(
                Setting(words.format(rate), attrs.evolve(BASE, dropout=rate, **options), ours=True)
                for rate in (0.1, 0.5)
                for words, options in WITHOUT.items()
            ),
        ),
        claims=(
            *claims_by("rate 0, λ = 0", "rate 0.1, λ = 0.001", "R1 l.983", None, VALID_ACCURACY, UNSTEADINESS),
            *claims_by("rate 0.1, λ = 0.001", "rate 0.5, λ = 0.01", "R1 l.983", None, VALID_ACCURACY, UNSTEADINESS),
            Claim("rate 0.5, no penalty", "rate 0.5, λ = 0.01", ours=True),
            Claim("rate 0.5, no penalty, dropped units pass no gradient", "rate 0.5, no penalty", ours=True),
            Claim("rate 0.5, inverted, no penalty", "rate 0.5, no penalty, dropped units pass no gradient", ours=True),
        ),
        figures={
            f"{rate}": figures.curves(
                figures.TRAIN_LOSS,
                figures.VALID_ACCURACY,
                labels=["rate 0, λ = 0", f"rate {rate}, λ = {l2}", *(words.format(rate) for words in WITHOUT)],
            )
            for rate, l2 in ((0.1, 0.001), (0.5, 0.01))
        },
        notes="With the rates the report's code changes the L2 penalty (l.956, 961, 966), nothing is rescaled (l.41), "
        f"and dropped units pass gradient (l.268). Our rows take these away one after the other. {LOSS_CURVE}",
    ),
    _study(
        "r1-fine-tuning",
        columns=(),
        settings=(
            Setting("before", attrs.evolve(BASE, more="last layer"), 0.902, read=final("before"), line="R1 l.1011"),
            Setting("last layer, 20 more epochs", attrs.evolve(BASE, more="last layer"), 0.916, line="R1 l.1000, 1012"),
            Setting("all layers, 20 more epochs", attrs.evolve(BASE, more="all layers"), ours=True),
        ),
        claims=(
            Claim("last layer, 20 more epochs", "before", line="R1 l.1015"),
            Statement(
                "validation accuracy rises clearly",
                "R1 l.1015",
                "validation accuracy after less before, points",
                of_run(
                    "last layer, 20 more epochs", lambda run: run.final["valid_accuracy"] - run.final["valid_before"]
                ),
                scale=100,
            ),
            Statement(
                f"the loss does not fall notably: by less than {SAME_LOSS} nats",
                "R1 l.1015",
                f"{SAME_LOSS} less the fall of the training loss, nats",
                of_run("last layer, 20 more epochs", lambda run: SAME_LOSS - fall(run)),
                digits=3,
            ),
            Claim("all layers, 20 more epochs", "last layer, 20 more epochs", ours=True),
        ),
        figures={
            "": figures.curves(
                figures.TRAIN_LOSS,
                figures.VALID_ACCURACY,
                labels=("last layer, 20 more epochs", "all layers, 20 more epochs"),
            )
        },
        notes=LOSS_CURVE,
    ),
    _study(
        "r1-augmentation",
        settings=(
            Setting("without", BASE, 0.907, line="R1 l.1096"),
            Setting(
                "with, 255 as printed",
                attrs.evolve(BASE, augment="report"),
                0.948,
                line="R1 l.1026, 1097",
                former="with",
            ),
            Setting(
                "with, 255 read as 1",
                attrs.evolve(BASE, augment="report", fill=1.0),
                0.948,
                says="94.80 (if scaled later)",
                line="R1 l.668, 1046",
                instead="with, 255 as printed",
            ),
            Setting("with, background in place of 255", attrs.evolve(BASE, augment="report", fill=0.0), ours=True),
            Setting("with, background, a window for every image", attrs.evolve(BASE, augment="repaired"), ours=True),
            Setting("without, four times the epochs", attrs.evolve(BASE, epochs=80), ours=True),
        ),
        claims=(
            *claims_by("with, 255 as printed", "without", "R1 l.1099", None, VALID_ACCURACY, SPEED, UNSTEADINESS),
            *claims_by("with, 255 read as 1", "without", "R1 l.1099", None, VALID_ACCURACY, SPEED, UNSTEADINESS),
            Claim("with, background, a window for every image", "with, background in place of 255", ours=True),
            Claim("with, background in place of 255", "with, 255 read as 1", ours=True),
            Claim("with, background, a window for every image", "without, four times the epochs", ours=True),
        ),
        notes="Noise is 20 % of all pixels of the set made 0, then 20 % made 255; what comes in at the border of a "
        "shifted or cropped image is 255, and one crop window serves the whole set (l.1038–1084). The report does not "
        "say whether that is done before pixels are divided by 255 and made 0 or 1 (l.667) or after: so both. Four "
        "times the data means four times the steps; our last row makes as many steps on the plain data. "
        f"{LOSS_CURVE}",
    ),
    _study(
        "r1-convolution",
        settings=(
            Setting("without", BASE, 0.907, line="R1 l.1140"),
            Setting("with", attrs.evolve(BASE, convolution="report"), 0.934, line="R1 l.460, 610, 1142", former="with"),
            Setting("with, a gradient for each kernel", attrs.evolve(BASE, convolution="own gradients"), ours=True),
            Setting("with, leaky ReLU and Xavier too", attrs.evolve(BASE, convolution="leaky ReLU"), ours=True),
        ),
        claims=(
            *claims_by("with", "without", "R1 l.1144", None, VALID_ACCURACY, SPEED, UNSTEADINESS),
            Claim("with, a gradient for each kernel", "with", ours=True),
            Claim("with, leaky ReLU and Xavier too", "with, a gradient for each kernel", ours=True),
        ),
        notes="3 kernels 5×5, padding 2, then 2352-256-128-10. As printed there is no activation behind the "
        "convolution, its weights have standard deviation √(2/(1 + 3)) = 0.71 (l.460), and its gradient is summed over "
        f"the kernels, which so all get one update, the bias next to none (l.610–613). {LOSS_CURVE}",
    ),
)
