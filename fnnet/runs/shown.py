"""Examples to look at: of a data set, of a folder of pictures, or of a run's data with what its net makes of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import attrs
import numpy as np

from fnnet import data, rng, training
from fnnet.arguments import whole
from fnnet.errors import ConfigError, expected
from fnnet.runs import class_folders, labelled, plots, sources
from fnnet.runs.folder import opened
from fnnet.runs.kinds.classes import surest_mistakes
from fnnet.runs.trained import load_trained
from fnnet.types import Array

Pair: TypeAlias = tuple[Any, Any]  # examples and their labels

# What a data set is called -> its name in `fnnet.runs.sources` and its classes.
DATA_SETS = {
    "mnist": ("mnist", tuple("0123456789")),
    **{name: (source, labelled.CLASSES[name]) for name, source in labelled.SOURCES.items()},
}


class Shown(NamedTuple):
    """Pictures and what is said of each.

    Args:
        pictures: (N, C, H, W) in [0, 1].
        titles: of each, in a line.
        said: of all of them, in a line.
    """

    pictures: Array
    titles: list[str]
    said: str


@attrs.frozen
class Choice:
    """Which examples are shown."""

    examples: int = 10
    """How many."""
    part: str = "test"
    """Of which part of the data: train, test or validation."""
    only: str | None = None
    """Of this class alone."""
    wrong: bool = False
    """Of a run: those that its net misreads, the surest first."""
    seed: int | None = None
    """Drawn at random by this number; by default the first ones."""


def refused(what: str, given: Mapping[str, object], wanted: str) -> None:
    """Words that say nothing about what is shown, as none may be passed over.

    Raises:
        ConfigError: one of them is given, that is not None or False.
    """
    for word, value in given.items():
        if value is not None and value is not False:
            raise ConfigError(expected(f"--{word}", wanted, what))


def _part(choice: Choice, of: str, train: Pair, test: Pair, validation: Pair | None) -> Pair:
    """The chosen part of some data.

    Raises:
        ConfigError: they have nothing for validation.
    """
    part = {"train": train, "test": test, "validation": validation}[choice.part]
    if part is None:
        raise ConfigError(expected("--part", f"train or test, the parts of {of}", choice.part))
    return part


def of_data_set(name: str, directory: str | None, choice: Choice) -> Shown:
    """Examples of a data set with their classes."""
    source, classes = DATA_SETS[name]
    found = sources.load(source, directory)
    images, labels = _part(choice, name, found.train, found.test, found.valid)
    return _plain(name, data.scale(images), labels, classes, choice)


def of_folder(folder: str, config: class_folders.Config, choice: Choice) -> Shown:
    """Pictures of a folder or zip, as a net would read them with these settings."""
    found = class_folders.found(config, folder)
    x, labels = _part(choice, folder, found.train, found.test, found.validation)
    shown = _plain(folder, x, labels, found.classes, choice)
    return shown._replace(said=f"{shown.said}; {found.note}")


def of_run(folder: Path, directory: str | None, choice: Choice) -> Shown:
    """Examples of a run's data, with what they are and what its net says.

    Raises:
        ConfigError: its answers are no classes, or its examples no pictures.
        RunError: it is not finished, or the data are not those of the run.
    """
    from fnnet.runs.perform import same_plan

    trained = load_trained(folder)
    probabilities = trained.answers.probabilities
    if probabilities is None or not plots.is_picture(trained.shape):
        wanted = "a run that tells classes of pictures apart, to show examples of"
        raise ConfigError(expected(str(folder), wanted, "another", f"{folder}/report.md shows what it makes"))
    problem, _ = same_plan(opened(folder), directory)
    x, labels = _part(choice, "this run's data", problem.train, problem.test, problem.validation)
    rows = _of_class(labels, problem.classes, choice)
    if choice.wrong:
        p = probabilities(trained.settings, training.predict(problem.net, trained.params, x[rows], 256))
        missed = surest_mistakes(p, labels[rows])
        said = f"{len(missed):,} of {len(rows):,} {choice.part} examples are misread"
        rows = rows[missed]
    else:
        said = f"{len(rows):,} {choice.part} examples"
    rows = _some(rows, choice)
    answers = [trained.answers.say(trained, "", one, trained.answers.options()).partition(";")[0] for one in x[rows]]
    titles = [f"{problem.classes[label]}: {answer}" for label, answer in zip(labels[rows], answers, strict=True)]
    ranged = np.array([plots.in_range(one) for one in x[rows]])
    return Shown(ranged, titles, f"{said}; each: what it is, and what it is read as")


def _plain(name: str, x: Array, labels: Array, classes: Sequence[str], choice: Choice) -> Shown:
    if choice.wrong:
        raise ConfigError(expected("--wrong", "a run, whose net may be wrong", name))
    rows = _some(_of_class(labels, classes, choice), choice)
    said = (
        f"{name}: {len(labels):,} {choice.part} examples of {len(classes)} classes, {' × '.join(map(str, x.shape[1:]))}"
    )
    return Shown(x[rows], [classes[label] for label in labels[rows]], said)


def _of_class(labels: Array, classes: Sequence[str], choice: Choice) -> Array:
    """Where the examples of the class stand, or all of them."""
    whole("--examples", choice.examples, 1)
    if choice.only is None:
        return np.arange(len(labels))
    if choice.only not in classes:
        raise ConfigError(expected("--only", f"one of {', '.join(classes)}", choice.only))
    rows = np.flatnonzero(labels == classes.index(choice.only))
    if not len(rows):
        raise ConfigError(expected("--only", f"a class that is in the {choice.part} part", choice.only))
    return rows


def _some(rows: Array, choice: Choice) -> Array:
    """So many of them: the first, or drawn."""
    if choice.seed is None:
        return rows[: choice.examples]
    drawn = rng.permutation(rng.fold_in(rng.key(whole("--seed", choice.seed, 0)), "shown"), len(rows))
    return rows[np.sort(drawn[: choice.examples])]
