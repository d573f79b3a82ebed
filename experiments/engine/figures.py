"""The figures of studies. Each function returns the bytes of a PNG, or what draws one from answers."""

import math
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.engine.study import Measure, Run, StudyResults
from fnnet.runs.style import SERIES, Series, drawn, figure, png, tidy
from fnnet.types import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Column = tuple[str, str, float]  # name in a row, label of the axis, factor


TRAIN_LOSS: Column = ("train_loss", "training loss, nats per example", 1.0)
VALID_ACCURACY: Column = ("valid_accuracy", "validation accuracy, %", 100.0)
TEST_ACCURACY: Column = ("test_accuracy", "test accuracy, %", 100.0)


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
        labels: settings that are shown; all by default.
        x: name in a row and label of the horizontal axis.
        log: what is drawn on a logarithmic axis, by name: columns, or x, which is linear up to its first value.
        until: the last x that is drawn.
    """

    @drawn
    def draw(answers: StudyResults) -> bytes:
        from matplotlib.ticker import MaxNLocator

        chosen = [label for label in (labels or answers.runs) if answers.runs[label]]
        width, height = 3.6 * len(columns) + 0.2, 3.0  # two beside each other are as wide as a page's text
        made = figure(width, height, layout=None)  # margins by hand: finding them takes as long as drawing
        made.subplots_adjust(0.66 / width, 0.46 / height, 1 - 0.08 / width, 1 - 0.08 / height, wspace=0.26)
        for axes, (name, title, factor) in zip(made.subplots(1, len(columns), squeeze=False)[0], columns, strict=True):
            for label, style in zip(chosen, cycle(SERIES), strict=False):
                band(axes, list(answers.runs[label].values()), x[0], name, factor, label, style, until)
            axes.set_xlabel(x[1], fontsize=8.5)
            axes.tick_params(which="both", labelsize=8)
            if x[0] in log:
                least = min((at for line in axes.get_lines() for at in line.get_xdata() if at > 0), default=1)
                axes.set_xscale("symlog", linthresh=least)
            else:
                axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
            axes.set_ylabel(title, fontsize=8.5)
            if name in log:
                axes.set_yscale("log")
            if name not in log:
                _look_closer(axes)
            tidy(axes)
            if len(axes.get_lines()) > 1:
                axes.legend(frameon=False, fontsize=6.5)
        return png(made)

    return draw


def band(
    axes: "Axes",
    runs: Sequence[Run],
    x: str,
    name: str,
    factor: float,
    label: str,
    style: Series,
    until: float = math.inf,
) -> None:
    """A curve over seeds: mean, and the range around it."""
    rows = [[(row[x], row[name]) for row in run.rows if row.get(name) is not None and row[x] <= until] for run in runs]
    length = min(map(len, rows), default=0)
    if not length:
        return
    points = np.array([row[:length] for row in rows], dtype=float)
    at, values = points[0, :, 0], points[:, :, 1] * factor
    if len(values) > 1:
        axes.fill_between(at, values.min(axis=0), values.max(axis=0), color=style["color"], alpha=0.15, linewidth=0)
    every = max(1, length // 8)
    axes.plot(at, values.mean(axis=0), label=label, linewidth=1.3, markersize=3.5, markevery=every, **style)


def _look_closer(axes: "Axes") -> None:
    """Leave out of the frame what lies far below most of the curves, which it would press together."""
    values = np.concatenate([np.asarray(line.get_ydata(), float) for line in axes.get_lines()] or [np.zeros(0)])
    if len(values) < 4:
        return
    low, high = np.quantile(values, 0.2), values.max()
    if low - values.min() > 1.5 * (high - low) > 0:
        axes.set_ylim(low - 0.5 * (high - low), high + 0.1 * (high - low))


def points(measure: Measure) -> Callable[[StudyResults], bytes]:
    """Every seed of every setting as a point, their mean as a bar."""

    @drawn
    def draw(answers: StudyResults) -> bytes:
        labels = [setting.label for setting in answers.study.settings]
        made = figure(6.6, 0.9 + 0.36 * len(labels))
        axes = made.subplots()
        seed: dict[str, Any] = {"marker": ".", "color": "0.35", "markersize": 6, "linestyle": ""}
        mean: dict[str, Any] = {"marker": "|", "color": "black", "markersize": 16, "linestyle": ""}
        for row, label in enumerate(labels):
            values = np.array(list(answers.values(label, measure).values()), dtype=float) * measure.scale
            if len(values):
                axes.plot(values, row + _beside(values), **seed)
                axes.plot([values.mean()], [row], **mean)
        axes.plot([], [], label="a seed", **seed)
        axes.plot([], [], label="mean", **mean)
        axes.set_yticks(range(len(labels)), labels, fontsize=8)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.set_xlabel(measure.title)
        tidy(axes, "x")
        axes.legend(frameon=False, fontsize=7.5, loc="lower right", bbox_to_anchor=(0.98, 1.0), ncols=2)
        return png(made)

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
def pictures(rows: Sequence[Array], names: Sequence[str]) -> bytes:
    """Pages of small pictures: one row each with its name, (N, H, W) from black to white."""
    across = max(map(len, rows))
    made = figure(1.6 + 0.62 * across, 0.68 * len(rows))
    grid = made.subplots(len(rows), across, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for line, images, name in zip(grid, rows, names, strict=True):
        for axes, image in zip(line, images, strict=False):
            axes.imshow(image, cmap="Greys", vmin=0, vmax=1, interpolation="nearest")
        line[0].text(-0.25, 0.5, name, transform=line[0].transAxes, ha="right", va="center", fontsize=8)
    return png(made)
