"""Numbers: a net that gives some for some."""

from collections.abc import Callable, Iterator

import numpy as np

from fnnet import metrics, training
from fnnet.arrays import is_floats
from fnnet.errors import ConfigError, expected
from fnnet.runs import plots
from fnnet.runs.answers import Answers, Figure, Look, NoOptions, Section
from fnnet.runs.measure import Measure
from fnnet.runs.trained import Trained
from fnnet.types import Array, Shapes

ERROR = Measure("mean_absolute_error", metrics.mean_absolute_error, digits=5, log=True)


def numbers(truth: Callable[[Array], Array] | None = None) -> Answers:
    """Of nets (n,) ↦ (m,), on targets that are numbers.

    Measured is the mean absolute error. Of a net from one number to one a page shows the fit; of others, what it gives
    against what it should.

    Args:
        truth: what a net from one number to one should give, where that is known: drawn beside the fit, and told by
            `predict`.
    """

    def say(trained: Trained, word: str, x: Array, options: NoOptions) -> str:
        """What the net gives, and what it should where that is known."""
        y = _plain(trained.value(x)[0])
        return y if truth is None else f"{y} (should be {_plain(truth(x))})"

    return Answers((ERROR,), _read, say, "a number, or several with commas between them", _sections)


def _plain(values: Array) -> str:
    return ", ".join(f"{value:.5g}" for value in values)


def _read(word: str, settings: object, shape: Shapes, classes: tuple[str, ...]) -> tuple[Array, list[str]]:
    """Numbers of a word, float32.

    Raises:
        ConfigError: they are no numbers, or not as many as the net reads.
    """
    n = shape[0] if is_floats(shape) and isinstance(shape, tuple) and len(shape) == 1 else 0
    wanted = "a number" if n == 1 else f"{n} numbers with commas between them"
    try:
        x = np.array([float(part) for part in word.split(",")], np.float32)
    except ValueError:
        raise ConfigError(expected(word, wanted, "something else")) from None
    if x.shape != shape or not np.isfinite(x).all():
        raise ConfigError(expected(word, wanted, f"{len(x)}" if np.isfinite(x).all() else "one that is not finite"))
    return x, []


def _sections(look: Look) -> Iterator[Section]:
    x, target = look.problem.test
    y = training.predict(look.problem.net, look.params, x, 256)
    y, target = y.reshape(len(y), -1), target.reshape(len(y), -1)
    if x.shape[1:] == (1,) and y.shape[1] == 1:
        order = np.argsort(x[:, 0], kind="stable")
        png = plots.fit(x[order, 0], target[order, 0], y[order, 0])
        said = "What the net gives for the test examples beside what it should, and how far it is off."
        yield Section("The fit", [said], [Figure("fit.png", "The fit and its error", png)])
    else:
        png = plots.against(target, y)
        said = "What the net gives for the test examples against what it should; on the line they are equal."
        yield Section("Answers", [said], [Figure("answers.png", "Answers against targets", png)])
