"""What kind of answers a net gives: how good they are, what a report shows of them, how one is asked for.

`fnnet.runs.kinds` makes them: `classes`, `numbers`, `pictures`, `text`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import attrs

from fnnet.errors import ConfigError, expected
from fnnet.runs.measure import Measure, loss_text
from fnnet.types import Array, Arrays, Metric, Params, Shapes

if TYPE_CHECKING:
    from fnnet.runs.experiment import Problem
    from fnnet.runs.trained import Trained


class Figure(NamedTuple):
    """A picture on a page.

    Args:
        file: its name in the run's folder.
        words: what it shows, for who cannot see it.
        png: its bytes.
    """

    file: str
    words: str
    png: bytes


class Section(NamedTuple):
    """A part of report.md.

    Args:
        title: above it.
        paragraphs: Markdown, each without an empty line at its end.
        figures: below them.
    """

    title: str
    paragraphs: Sequence[str] = ()
    figures: Sequence[Figure] = ()


class Look(NamedTuple):
    """A trained net on its data, as a report looks at it.

    Args:
        problem, settings: what was trained.
        params: of the trained net.
        results: the content of results.json.
    """

    problem: "Problem"
    settings: Any
    params: Params
    results: Mapping[str, Any]


# (word of the command line, settings, shape of one example, classes) -> one example, and what was done to make it one;
# where answers are classes, the word may be a `fnnet.data.picture.Picture` inside what a word names
Read: TypeAlias = Callable[[Any, Any, Shapes, tuple[str, ...]], tuple[Arrays, list[str]]]
Say: TypeAlias = "Callable[[Trained, str, Arrays, Any], str]"
Sections: TypeAlias = Callable[[Look], Iterable[Section]]
Probabilities: TypeAlias = Callable[[Any, Array], Array]  # (settings, scores (N, classes)) -> (N, classes)


@attrs.frozen
class NoOptions:
    """`predict` has none."""


def _not_empty(_: object, attribute: "attrs.Attribute[tuple[Measure, ...]]", value: tuple[Measure, ...]) -> None:
    if not value:
        raise ConfigError(expected(f"answers: {attribute.name}", "at least one, the headline", "none"))


@attrs.frozen(eq=False)
class Answers:
    """What kind of answers a net gives.

    Args:
        measures: what is measured of every batch and of what is held out; the first is the headline, which progress,
            curves and the table of all runs show.
        read: one example from a word of the command line, and in words what was done to make it one.
        say: `(trained, word, example, options) -> words`: what `predict` prints of one example.
        asks: what such a word is, such as "a picture file".
        sections: `look -> sections`: what report.md shows behind the curves.
        counts: name -> metric: what else results.json holds for each part of the data, such as confusion counts.
        options: the attrs class of the options of `predict`, each with a default.
        probabilities: of classes, from what the net gives; None where answers are no classes.
    """

    measures: tuple[Measure, ...] = attrs.field(validator=_not_empty)
    read: Read
    say: Say
    asks: str
    sections: Sections = lambda look: ()
    counts: Mapping[str, Metric] = attrs.field(factory=dict)
    options: type = NoOptions
    probabilities: Probabilities | None = None

    @property
    def headline(self) -> Measure:
        """The measure that stands for all."""
        return self.measures[0]

    @property
    def texts(self) -> dict[str, Callable[[float], str]]:
        """How the loss and every measure are told, by name."""
        return {"loss": loss_text, **{measure.name: measure.text for measure in self.measures}}

    @property
    def metrics(self) -> dict[str, Metric]:
        """The metrics by name."""
        return {measure.name: measure.metric for measure in self.measures}


def together(*parts: Sections) -> Sections:
    """The sections of all parts, one after the other."""
    return lambda look: [section for part in parts for section in part(look)]
