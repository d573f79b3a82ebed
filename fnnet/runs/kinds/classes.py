"""Classes: a net that gives a score for each, the largest of which is its answer."""

from collections.abc import Iterator, Sequence

import attrs
import numpy as np

from fnnet import layers, metrics, training
from fnnet.arrays import rows
from fnnet.data.images import _encoding as encoding
from fnnet.runs import plots
from fnnet.runs.answers import Answers, Figure, Look, Probabilities, Read, Section
from fnnet.runs.measure import Measure
from fnnet.runs.settings import optional
from fnnet.runs.trained import Trained
from fnnet.types import Array, Arrays
from fnnet.words import percent

ACCURACY = Measure("accuracy", metrics.accuracy, scale=100, digits=2, unit="%")
MOST = 30  # mistakes on a page


def _is_known(_: object, __: object, value: str) -> None:
    """An attrs validator: an encoding."""
    encoding(value)


@attrs.frozen
class Options:
    """How pictures that `predict` is given are read."""

    names: str | None = attrs.field(default=None, validator=optional(_is_known))
    """How names in a zip are encoded that does not say it, such as gbk; by default as in training, else cp437."""


def softmax(settings: object, scores: Array) -> Array:
    """The probabilities of logits."""
    return layers.softmax().apply((), scores)[0]


def classes(read: Read, probabilities: Probabilities = softmax) -> Answers:
    """Of nets (…) ↦ scores (classes,), on labels that are whole numbers.

    Measured is accuracy, and examples are counted by class and answer. A page shows these counts, and pictures that are
    misread, the surest first.

    Args:
        read: takes picture files.
        probabilities: (settings, scores (N, classes)) -> probabilities (N, classes).
    """

    def say(trained: Trained, word: str, x: Arrays, options: Options) -> str:
        return told(trained.classes, probabilities(trained.settings, trained.value(x))[0])

    def sections(look: Look) -> Iterator[Section]:
        yield _confusion(look)
        scores = training.predict(look.problem.net, look.params, look.problem.test[0], 256)
        if (mistakes := _mistakes(look, probabilities(look.settings, scores))) is not None:
            yield mistakes

    counts = {"confusion": metrics.confusion}
    return Answers((ACCURACY,), read, say, "a picture file", sections, counts, Options, probabilities)


def told(names: Sequence[str], p: Array) -> str:
    """The likeliest class and its probability, and the next two."""
    best = np.argsort(-p, kind="stable")[:3]
    others = ", ".join(f"{names[i]} {percent(p[i])}" for i in best[1:])
    return f"{names[best[0]]} ({percent(p[best[0]])}); then {others}"


def _confusion(look: Look) -> Section:
    figures = []
    for part, words in (("test", "Test"), ("train", "Training")):
        found = look.results[part]
        png = plots.confusion(
            np.array(found["confusion"]), look.problem.classes, f"{words} set, {ACCURACY.text(found['accuracy'])} right"
        )
        figures.append(Figure(f"confusion_{part}.png", f"Confusion matrix of the {words.lower()} set", png))
    said = "Rows are the true class, columns what the net reads. Errors are shaded by their number."
    return Section("Which classes are taken for which", [said], figures)


def _mistakes(look: Look, p: Array) -> Section | None:
    """Pictures that are misread, by probabilities; None where there are none, or examples are no pictures."""
    x, labels = look.problem.test
    wrong = surest_mistakes(p, labels)
    if not len(wrong) or not plots.is_picture(look.problem.shape):
        return None
    of_all = f"The {MOST} of {len(wrong):,}" if len(wrong) > MOST else f"All {len(wrong)}"
    said = (
        f"{of_all} misclassified test examples, those first of which the net was surest: what it reads and what it "
        "is, each with the probability the net gives it. The number is the place in the test set."
    )
    shown = wrong[:MOST]
    png = plots.mistakes(rows(x, shown), labels[shown], p[shown], look.problem.classes, shown.tolist())
    return Section("Mistakes", [said], [Figure("mistakes.png", "Misclassified examples", png)])


def surest_mistakes(probabilities: Array, labels: Array) -> Array:
    """Where the misclassified examples stand, the surest mistakes first.

    >>> surest_mistakes(np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]]), np.array([0, 0, 0]))
    array([2, 1])
    """
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    return wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")]
