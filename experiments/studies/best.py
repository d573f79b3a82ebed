"""Better than the reports: for each data set one configuration, chosen on validation data, tested once a seed."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Literal

import attrs
import numpy as np

from experiments.recipes import SCHEDULES
from experiments.studies import figures, fit, r4, sources
from experiments.study import Answers, Claim, Measure, Result, Setting, Tell, final, listed
from fnnet import data, layers, losses, optim, rng, summary, training
from fnnet.types import Array, Layer

Set = Literal["mnist", "digits.mat", "hanzi"]


@attrs.frozen
class Config:
    """Settings of a search.

    Args:
        data: the data set.
        net: a name in `NETS`.
        augment: whether every batch is rotated, resized, sheared and shifted at random.
        decay: decoupled weight decay; 0 is Adam.
        dropout: in front of the last layer.
        test: train on all but the test set and test once; else train on a part and look at the rest, the validation.
    """

    data: Set
    net: str = "lenet5"
    augment: bool = True
    batch_norm: bool = False
    dropout: float = 0.0
    decay: float = 0.0
    learning_rate: float = 0.003
    schedule: str = "one_cycle"
    batch: int = 64
    epochs: int = 30
    test: bool = False
    examples: int = 60_000


CLASSES = {"mnist": 10, "digits.mat": 10, "hanzi": 12}


def _block(config: Config, learned: Layer, *after: Layer) -> list[Layer]:
    return [learned, *([layers.batch_norm()] if config.batch_norm else []), layers.relu(), *after]


def _ending(config: Config, units: Sequence[int]) -> list[Layer]:
    hidden = [part for n in units for part in _block(config, layers.dense(n))]
    drop = [layers.dropout(config.dropout)] if config.dropout else []
    return [layers.flatten(), *hidden, *drop, layers.dense(CLASSES[config.data])]


def _lenet5(config: Config) -> Layer:
    return layers.serial(
        *_block(config, layers.conv2d(6, 5), layers.max_pool(2)),
        *_block(config, layers.conv2d(16, 5), layers.max_pool(2)),
        *_ending(config, (120, 84)),
    )


def _wide(config: Config) -> Layer:
    return layers.serial(
        *_block(config, layers.conv2d(16, 5), layers.max_pool(2)),
        *_block(config, layers.conv2d(32, 5), layers.max_pool(2)),
        *_ending(config, (96,)),
    )


def _paired(config: Config) -> Layer:
    return layers.serial(
        *_block(config, layers.conv2d(12, 3, padding=1)),
        *_block(config, layers.conv2d(16, 3), layers.max_pool(2)),
        *_block(config, layers.conv2d(32, 3)),
        *_block(config, layers.conv2d(32, 3), layers.max_pool(2)),
        *_ending(config, (64,)),
    )


def _cnn(config: Config) -> Layer:
    return layers.serial(
        *_block(config, layers.conv2d(32, 3, padding=1), layers.max_pool(2)),
        *_block(config, layers.conv2d(64, 3, padding=1), layers.max_pool(2)),
        *_ending(config, (128,)),
    )


NETS = {"lenet5": _lenet5, "wide": _wide, "paired": _paired, "cnn": _cnn}
# By how much images are changed: degrees, factors of size, degrees of shear, pixels.
MOVES: dict[str, dict[str, Any]] = {
    "mnist": {"rotation": 12.0, "scale": (0.85, 1.15), "shear": 10.0, "translation": 2.0},
    "digits.mat": {"rotation": 12.0, "scale": (0.85, 1.15), "shear": 10.0, "translation": 1.5},
    "hanzi": {"rotation": 12.0, "scale": (0.85, 1.15), "shear": 10.0, "translation": 2.0},
}


def net(config: Config) -> Layer:
    """The net of a setting."""
    return NETS[config.net](config)


def arrays(config: Config, directory: str | None) -> tuple[fit.Arrays, fit.Arrays]:
    """What is trained on and what is looked at. The test set is touched only if the setting says so."""
    found = sources.load(config.data, directory)
    cut = slice(config.examples)
    images, labels = found.train
    if found.valid is not None:
        if config.test:
            images, labels = np.concatenate([images, found.valid.images]), np.concatenate([labels, found.valid.labels])
        else:
            return _scaled(images[cut], labels[cut]), _scaled(*found.valid)
    if config.test:
        return _scaled(images[cut], labels[cut]), _scaled(*found.test)
    held, rest = data.split_per_class(rng.fold_in(rng.key(0), "validation"), labels, HELD[config.data](labels))
    rest = rest[cut]
    return _scaled(images[rest], labels[rest]), _scaled(images[held], labels[held])


HELD: dict[str, Any] = {
    "mnist": lambda labels: min(500, len(labels) // 40),
    "hanzi": lambda labels: min(100, len(labels) // 60),
}


def _scaled(images: Array, labels: Array) -> fit.Arrays:
    return data.scale(images), labels


def epochs(config: Config, examples: fit.Arrays) -> fit.Epoch:
    """Shuffled batches, every one changed anew."""

    def epoch(key: rng.Key) -> Iterator[fit.Arrays]:
        moved = rng.fold_in(key, "affine")
        for i, (x, labels) in enumerate(data.batches(key, examples, config.batch)):
            yield data.affine(rng.fold_in(moved, i), x, **MOVES[config.data]) if config.augment else x, labels

    return epoch


def train(config: Config, seed: int, directory: str | None, tell: Tell) -> Result:
    """Train, and look once, at the end."""
    examples, looked = arrays(config, directory)
    steps = config.epochs * data.batch_count(len(examples[1]), config.batch)
    rate = SCHEDULES[config.schedule](config.learning_rate, steps)
    rule = optim.adamw(rate, weight_decay=config.decay, where=optim.is_weight) if config.decay else optim.adam(rate)
    model, loss = net(config), losses.softmax_cross_entropy
    state, rows = fit.fit(model, loss, rule, seed, epochs(config, examples), config.epochs, tell, {}, examples=examples)
    final_look = training.evaluate(model, state.params, looked, fit.ACCURACY, loss, 500)
    shape = examples[0].shape[1:]
    ending = {
        "accuracy": final_look["accuracy"],
        "loss": final_look["loss"],
        "train_accuracy": rows[-1]["train_accuracy"],
        "parameters": summary.total(summary.summary(model, shape)).parameters,
        "seconds_per_epoch": sum(row["seconds"] for row in rows) / len(rows),
    }
    return Result(rows, ending)


def quick(config: Any) -> Any:
    """A moment."""
    if isinstance(config, r4.Sine):
        return r4.quick(config)
    return attrs.evolve(config, epochs=1, examples=24, batch=4)


EXAMPLES = {"mnist": 60_000, "digits.mat": 7_500, "hanzi": 6_000}
PER_EXAMPLE = {"lenet5": 70e-6, "wide": 160e-6, "paired": 380e-6, "cnn": 580e-6}


def cost(config: Any) -> float:
    """Seconds on one core, from measured epochs."""
    if isinstance(config, r4.Sine):
        return r4.cost(config)
    smaller = 0.33 if config.data == "digits.mat" else 1.0
    each = PER_EXAMPLE[config.net] * smaller * (1.3 if config.batch_norm else 1) + (12e-6 if config.augment else 0)
    return config.epochs * EXAMPLES[config.data] * each


VALIDATION = Measure("validation accuracy, %", final("accuracy"), 100)
TEST = Measure("test accuracy, %", final("accuracy"), 100)
PARAMETERS = Measure("parameters", final("parameters"), digits=0, higher=False)
SECONDS = Measure("seconds per epoch", final("seconds_per_epoch"), digits=1, higher=False)


def _ranked(chosen: str, answers: Answers) -> list[str]:
    """What won, what was chosen, and what did not help."""
    means = {label: sum(values.values()) / len(values) for label in answers.runs if (values := answers.values(label))}
    if not means:
        return []
    sign = 1 if answers.study.measure.higher else -1
    order = sorted(means, key=lambda label: -sign * means[label])
    first = next(iter(means))
    worse = [label for label in order if label != first and sign * means[label] <= sign * means[first]]
    text = answers.study.measure.text
    said = [f"Best: “{order[0]}” ({text(means[order[0]])}). Chosen: “{chosen}”" + "." * (chosen == order[0])]
    if chosen in means and chosen != order[0]:
        said[0] += f", number {order.index(chosen) + 1} of {len(order)} ({text(means[chosen])})."
    if worse:
        said.append(f"No better than “{first}”: {', '.join(f'{label} ({text(means[label])})' for label in worse)}.")
    return said


# The first setting is the plain recipe; every other one changes one thing.
SEARCHES: dict[str, dict[str, Config]] = {
    "mnist": {
        "R5's net": (plain := Config("mnist", epochs=15)),
        "no augmentation": attrs.evolve(plain, augment=False),
        "AdamW, decay 0.01": attrs.evolve(plain, decay=0.01),
        "cosine": attrs.evolve(plain, schedule="cosine"),
        "dropout 0.3": attrs.evolve(plain, dropout=0.3),
        "batch norm": attrs.evolve(plain, batch_norm=True),
        "wider convolutions": attrs.evolve(plain, net="wide"),
        "wider convolutions, batch norm": attrs.evolve(plain, net="wide", batch_norm=True),
        "pairs of 3×3, batch norm": attrs.evolve(plain, net="paired", batch_norm=True),
    },
    "digits.mat": {
        "R4's CNN": (small := Config("digits.mat", "cnn")),
        "no augmentation": attrs.evolve(small, augment=False),
        "AdamW, decay 0.01": attrs.evolve(small, decay=0.01),
        "dropout 0.5": attrs.evolve(small, dropout=0.5),
        "batch norm": attrs.evolve(small, batch_norm=True),
        "batch norm, dropout 0.5": attrs.evolve(small, batch_norm=True, dropout=0.5),
        "batch norm, dropout 0.5, 60 epochs": attrs.evolve(small, batch_norm=True, dropout=0.5, epochs=60),
    },
    "hanzi": {
        "R4's CNN": (signs := Config("hanzi", "cnn")),
        "no augmentation": attrs.evolve(signs, augment=False),
        "AdamW, decay 0.01": attrs.evolve(signs, decay=0.01),
        "dropout 0.5": attrs.evolve(signs, dropout=0.5),
        "batch norm": attrs.evolve(signs, batch_norm=True),
        "batch norm, dropout 0.5": attrs.evolve(signs, batch_norm=True, dropout=0.5),
    },
}
# What the searches are answered with: a label, and for how many epochs it is then trained.
CHOICE = {
    "mnist": ("pairs of 3×3, batch norm", 30),
    "digits.mat": ("batch norm, dropout 0.5, 60 epochs", 60),
    "hanzi": ("batch norm, dropout 0.5", 60),
}
CHOSEN = {
    name: attrs.evolve(SEARCHES[name][label], epochs=epochs, test=True) for name, (label, epochs) in CHOICE.items()
}
TARGETS = {"mnist": 0.995, "digits.mat": 0.996, "hanzi": 0.994}
HOW = {
    "mnist": "5,000 of the training images are held for validation; the choice is trained on all 60,000.",
    "digits.mat": "Validation is the file's own; the choice is trained on its training and validation images together.",
    "hanzi": "100 of the 520 images of each class are held for validation; the choice is trained on all 520.",
}
SINES = {
    "SGD, leaky ReLU (R4)": r4.Sine(),
    "Adam, leaky ReLU": r4.Sine(optimizer="adam", learning_rate=0.003, epochs=800),
    "Adam, leaky ReLU, cosine": r4.Sine(optimizer="adam", learning_rate=0.003, epochs=800, schedule="cosine"),
    "Adam, tanh, cosine": r4.Sine("tanh", optimizer="adam", learning_rate=0.003, epochs=800, schedule="cosine"),
    "Adam, sigmoid, cosine": r4.Sine("sigmoid", optimizer="adam", learning_rate=0.003, epochs=800, schedule="cosine"),
}
SINE = "Adam, tanh, cosine"  # the choice
_study = partial(listed, task=train, seeds=range(3), cost=cost, quick=quick, figures={})

STUDIES = (
    *(
        _study(
            f"best-{name.partition('.')[0]}-search",
            settings=[Setting(label, config, ours=True) for label, config in SEARCHES[name].items()],
            measure=VALIDATION,
            figures={"": figures.points(VALIDATION, VALIDATION.title)},
            claims=[Claim(label, next(iter(SEARCHES[name])), ours=True) for label in list(SEARCHES[name])[1:]],
            columns=(PARAMETERS, SECONDS),
            data=(name,),
            remarks=partial(_ranked, CHOICE[name][0]),
            notes="Adam, one cycle up to 0.003, batch 64, every batch rotated, resized, sheared and shifted. "
            f"{HOW[name]}",
        )
        for name in SEARCHES
    ),
    *(
        _study(
            f"best-{name.partition('.')[0]}",
            settings=[Setting(f"chosen for {name}", CHOSEN[name], TARGETS[name], says=f"{100 * TARGETS[name]:.1f} %")],
            measure=TEST,
            columns=(PARAMETERS, SECONDS),
            data=(name,),
            notes=HOW[name],
        )
        for name in CHOSEN
    ),
    _study(
        "best-sine",
        task=r4.sine,
        settings=[
            Setting(label, config, 0.002 if label == SINE else None, ours=True) for label, config in SINES.items()
        ],
        measure=r4.ERROR,
        claims=[Claim(label, "SGD, leaky ReLU (R4)", ours=True) for label in list(SINES)[1:]],
        figures={"fit": r4.fits},
        remarks=partial(_ranked, SINE),
        notes="The target is 0.002. Nothing is held back here: the sine is known everywhere.",
    ),
)
