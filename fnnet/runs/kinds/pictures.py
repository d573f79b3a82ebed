"""Pictures: a net that makes one of one, as in denoising and segmentation, or out of nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import attrs
import numpy as np
import tyro

from fnnet import rng, training
from fnnet.arrays import rows
from fnnet.errors import ConfigError, expected
from fnnet.runs import plots
from fnnet.runs.answers import Answers, Figure, Look, Read, Section, Sections, together
from fnnet.runs.files import write
from fnnet.runs.measure import Measure
from fnnet.runs.trained import Trained
from fnnet.types import Array, Arrays

ACROSS = 10  # pictures in a row of a page

View: TypeAlias = Callable[[Any], Array]  # (N, …) -> pictures (N, C, H, W), C 1 or 3, in [0, 1]


def as_it_is(x: Array) -> Array:
    """Pictures as they are, what lies outside [0, 1] brought to its ends.

    >>> as_it_is(np.array([[[[-1.0, 0.5]]]])).tolist()
    [[[[0.0, 0.5]]]]
    """
    return np.clip(x, 0, 1)


@attrs.frozen(eq=False)
class Views:
    """How arrays are seen as pictures.

    Args:
        input: of x.
        output: of what the net gives, such as a sigmoid of logits, or a shade for the likeliest class.
        target: of targets.
    """

    input: View = as_it_is
    output: View = as_it_is
    target: View = as_it_is


@attrs.frozen
class Options:
    """Where `predict` writes pictures."""

    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path(".")
    """Folder that pictures are written to, each as NAME.answer.png."""
    force: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Write a picture where a file is already."""


def pictures(read: Read, *measures: Measure, views: Views = Views(), also: Sections = lambda look: ()) -> Answers:
    """Of nets that make pictures of pictures.

    A page shows the first test examples in rows: what the net reads, what it makes of it, what it should. `predict`
    writes PNG files.

    Args:
        read: takes picture files.
        measures: at least one, such as a squared error or the overlap of areas.
        views: how what is read and made is seen.
        also: more sections, such as `samples`.
    """

    def say(trained: Trained, word: str, x: Arrays, options: Options) -> str:
        path = options.out / f"{Path(word).stem}.answer.png"
        if path.exists() and not options.force:
            raise ConfigError(expected(str(path), "a new file", "one that is there", "add --force to replace it"))
        options.out.mkdir(parents=True, exist_ok=True)
        write(path, plots.picture(views.output(trained.value(x))[0]))
        return str(path)

    def seen(look: Look) -> Iterator[Section]:
        x, target = (rows(part, slice(ACROSS)) for part in look.problem.test)
        y = training.predict(look.problem.net, look.params, x, ACROSS)
        shown = {"read": views.input(x), "made": views.output(y), "target": views.target(target)}
        said = "The first test examples: what the net reads, what it makes of it, and what it should."
        figure = Figure("pictures.png", "What the net reads, makes, and should make", plots.picture_rows(shown))
        yield Section("What it makes of pictures", [said], [figure])

    return Answers(measures, read, say, "a picture file", together(seen, also), options=Options)


def samples(draw: Callable[[Look, rng.Key, int], Array], count: int = 4 * ACROSS) -> Sections:
    """A section of pictures that a net makes out of nothing.

    Args:
        draw: `(look, key, count) -> pictures (count, C, H, W)` in [0, 1]; the net is `look.problem.net`.
        count: how many.
    """

    def drawn(look: Look) -> Iterator[Section]:
        found = draw(look, rng.fold_in(rng.key(look.settings.seed), "samples"), count)
        lines = {f"row {i}": found[i : i + ACROSS] for i in range(0, count, ACROSS)}
        png = plots.picture_rows(lines, named=False)
        yield Section("What it makes out of nothing", [f"{count} samples."], [Figure("samples.png", "Samples", png)])

    return drawn
