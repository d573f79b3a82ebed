"""The figures of studies: as wide as a page's text, with one legend beside or below what is drawn.

Functions that draw return a PNG, or what makes one from answers.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from itertools import count
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np

from experiments.engine.study import Measure, Run, StudyResults
from fnnet.errors import ConfigError, expected
from fnnet.runs import style
from fnnet.runs.style import SERIES, Series, figure, png, tidy
from fnnet.types import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")
Column = tuple[str, str, float]  # name in a row, label of the axis, factor


WIDTH = 6.6  # inches: a page's text
LOOK: Any = {  # letters in points, as printed
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "legend.handlelength": 4,
    "legend.borderpad": 0,
    "lines.linewidth": 1.3,
    "lines.markersize": 4,
}
WHOLE = "{x:,.0f}"  # how a tick is written
TRAIN_LOSS: Column = ("train_loss", "training loss, nats per example", 1.0)
VALID_ACCURACY: Column = ("valid_accuracy", "validation accuracy, %", 100.0)
TEST_ACCURACY: Column = ("test_accuracy", "test accuracy, %", 100.0)


def drawn(draw: Callable[P, "Figure"]) -> Callable[P, bytes]:
    """The PNG of what a function draws, in the letters of a page, with a legend of everything that has a label."""

    @style.drawn
    @wraps(draw)
    def printed(*args: P.args, **kwargs: P.kwargs) -> bytes:
        import matplotlib

        matplotlib.rcParams.update(LOOK)
        made = draw(*args, **kwargs)
        _add_legend(made)
        return png(made)

    return printed


def _add_legend(made: "Figure") -> None:
    """One legend: right of a single panel; below several, in as few rows as fit, for which the figure grows."""
    entries = {
        label: handle for axes in made.axes for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    if not entries:
        return
    handles, labels = list(entries.values()), list(entries)
    if len(made.axes) == 1:
        made.legend(handles, labels, loc="outside right center")
        return
    for rows in count(1):
        legend = made.legend(handles, labels, loc="outside lower center", ncols=math.ceil(len(labels) / rows))
        box = legend.get_window_extent()
        if box.width <= 0.97 * made.bbox.width or rows == len(labels):
            made.set_figheight(made.get_figheight() + box.height / made.dpi)
            return
        legend.remove()


def styled(labels: Iterable[str]) -> dict[str, Series]:
    """A style for each of some labels, no two alike.

    Raises:
        ConfigError: there are more labels than styles.
    """
    own = list(labels)
    if len(own) > len(SERIES):
        fix = "choose some by `labels`, or draw two figures"
        raise ConfigError(expected("labels of a figure", f"at most {len(SERIES)}", own, fix))
    return dict(zip(own, SERIES, strict=False))


def curves(
    *columns: Column,
    labels: Sequence[str] | None = None,
    x: tuple[str, str] = ("epoch", "epoch"),
    log: Sequence[str] = (),
    until: float = math.inf,
) -> Callable[[StudyResults], bytes]:
    """Columns of the rows by epoch: the mean over seeds, in a band from the least to the greatest.

    Args:
        columns: one picture each.
        labels: settings that are shown; by default all, those read from the same runs once.
        x: name in a row and label of the horizontal axis.
        log: what is drawn on a logarithmic axis, by name: columns, or x, which is linear up to its first value.
        until: the last x that is drawn.
    """

    @drawn
    def draw(answers: StudyResults) -> "Figure":
        made = figure(WIDTH, 2.5)
        styles = styled(labels or _trained(answers))
        for axes, (name, title, factor) in zip(made.subplots(1, len(columns), squeeze=False)[0], columns, strict=True):
            for label, series in styles.items():
                runs, lost = list(answers.runs[label].values()), answers.diverged(label)
                told = f"{label} ({lost} of {len(runs)} diverged)" if lost else label
                band(axes, runs, x[0], name, factor, told, series, until)
            axes.set_xlabel(x[1])
            if x[0] in log:
                _stretch(axes)
            else:
                count_along(axes)
            axes.set_ylabel(title)
            if name in log:
                axes.set_yscale("log")
            else:
                _look_closer(axes)
            tidy(axes)
        return made

    return draw


def _trained(answers: StudyResults) -> list[str]:
    """The labels of the settings, of those read from the same runs the first."""
    return list({setting.config: setting.label for setting in reversed(answers.study.settings)}.values())[::-1]


def _stretch(axes: "Axes") -> None:
    """A logarithmic horizontal axis, linear up to its first value, with markers evenly along it."""
    least = min((at for line in axes.get_lines() for at in np.asarray(line.get_xdata()) if at > 0), default=1)
    axes.set_xscale("symlog", linthresh=least)
    axes.xaxis.set_major_formatter(WHOLE)
    for line in axes.get_lines():
        at = np.asarray(line.get_xdata())
        if len(at):
            nearest = np.abs(at - np.geomspace(least, max(least, at[-1]), 9)[:, None]).argmin(axis=1)
            line.set_markevery(sorted(set(nearest.tolist())))


def count_along(axes: "Axes") -> None:
    """Whole numbers, few and round, on the horizontal axis."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    axes.xaxis.set_major_formatter(WHOLE)


def band(
    axes: "Axes",
    runs: Sequence[Run],
    x: str,
    name: str,
    factor: float,
    label: str,
    series: Series,
    until: float = math.inf,
) -> None:
    """A curve over seeds, as far as all of them go: mean, and the range around it; its label at least."""
    if not runs:
        return
    rows = [[(row[x], row[name]) for row in run.rows if row.get(name) is not None and row[x] <= until] for run in runs]
    length = min(map(len, rows))
    if not length:
        axes.plot([], [], label=label, **series)
        return
    points = np.array([row[:length] for row in rows], dtype=float)
    at, values = points[0, :, 0], points[:, :, 1] * factor
    if len(values) > 1:
        axes.fill_between(at, values.min(axis=0), values.max(axis=0), color=series["color"], alpha=0.15, linewidth=0)
    axes.plot(at, values.mean(axis=0), label=label, markevery=marked(series, length), **series)


def marked(series: Series, length: int) -> tuple[int, int]:
    """The first point with a marker, and every how many: styles begin apart, so that equal curves show all of theirs.

    >>> marked(SERIES[0], 160), marked(SERIES[1], 160)
    ((0, 20), (2, 20))
    """
    every = max(1, length // 8)
    return SERIES.index(series) * every // len(SERIES), every


def _look_closer(axes: "Axes") -> None:
    """Leave out of the frame what lies far below most of the curves, which it would press together.

    Curves count alike, however many points they have. One of which nothing is left is told of in words.
    """
    lines = {line: values for line in axes.get_lines() if len(values := np.asarray(line.get_ydata(), float))}
    if sum(map(len, lines.values())) < 4:
        return
    values = np.concatenate([line[np.linspace(0, len(line) - 1, 100).astype(int)] for line in lines.values()])
    low, high = np.quantile(values, 0.2), values.max()
    if not low - values.min() > 1.5 * (high - low) > 0:
        return
    bottom = low - 0.5 * (high - low)
    axes.set_ylim(bottom, high + 0.1 * (high - low))
    below = [line for line in lines if lines[line].max() < bottom]
    for i, line in enumerate(below):
        words, at = f"{line.get_label()}: below, mean {lines[line].max():.4g} at most", (0.98, 0.03 + 0.08 * i)
        axes.annotate(words, at, xycoords="axes fraction", ha="right", fontsize=7, color="0.25")
    if below and axes.get_xscale() == "linear":
        ends = [np.asarray(line.get_xdata(), float)[[0, -1]] for line in lines if line not in below]
        first, last = min(start for start, _ in ends), max(end for _, end in ends)
        space = 0.05 * (last - first) or 0.5
        axes.set_xlim(first - space, last + space)


def points(measure: Measure) -> Callable[[StudyResults], bytes]:
    """Every seed of every setting as a point, their mean as a bar."""

    @drawn
    def draw(answers: StudyResults) -> "Figure":
        labels = [setting.label for setting in answers.study.settings]
        made = figure(WIDTH, 0.6 + 0.36 * len(labels))
        axes = made.subplots()
        seed: dict[str, Any] = {"marker": ".", "color": "0.35", "markersize": 6, "linestyle": ""}
        mean: dict[str, Any] = {"marker": "|", "color": "black", "markersize": 16, "linestyle": ""}
        for row, label in enumerate(labels):
            values = np.array(list(answers.values(label, measure).values()), dtype=float) * measure.scale
            if len(values):
                axes.plot(values, row + _beside(values), **seed)
                axes.plot([values.mean()], [row], **mean)
        axes.plot([], [], label="a seed", **seed)
        axes.plot([], [], label="mean", **mean | {"markersize": 8})
        axes.set_yticks(range(len(labels)), labels)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlabel(measure.title)
        tidy(axes, "x")
        return made

    return draw


def _beside(values: Array) -> Array:
    """How far points are moved off their row, so that equal ones stand side by side.

    >>> _beside(np.array([1.0, 2.0, 1.0]))
    array([-0.09,  0.  ,  0.09])
    """
    moved = np.zeros(len(values))
    for value in np.unique(values):
        same = np.flatnonzero(values == value)
        moved[same] = 0.18 * (np.arange(len(same)) - (len(same) - 1) / 2)
    return moved


@drawn
def pictures(rows: Sequence[Array], names: Sequence[str]) -> "Figure":
    """Pages of small pictures: one row each with its name, (N, H, W) from black to white."""
    across = max(map(len, rows))
    made = figure(WIDTH, 0.55 * len(rows))
    grid = made.subplots(len(rows), across, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for line, images, name in zip(grid, rows, names, strict=True):
        for axes, image in zip(line, images, strict=False):
            axes.imshow(image, cmap="Greys", vmin=0, vmax=1, interpolation="nearest")
        line[0].text(-0.25, 0.5, name, transform=line[0].transAxes, ha="right", va="center")
    return made
