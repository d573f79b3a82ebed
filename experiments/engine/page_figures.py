"""The three figures of the first page."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from experiments.engine.figures import band
from experiments.engine.statistics import Difference
from experiments.engine.study import Setting, StudyResults
from fnnet.runs.style import SERIES, drawn, figure, png, tidy

WIDTH = 6.6  # inches: a page's text


class Dot(NamedTuple):
    """A reported figure in percent, and ours over the seeds."""

    report: str
    reported: float
    values: Sequence[float]


def dots(reported: Sequence[tuple[StudyResults, Setting]]) -> list[Dot]:
    """The accuracies above one half among reported figures, but for bounds."""
    return [
        Dot(answers.study.report, 100 * setting.reported, [100 * value for value in values.values()])
        for answers, setting in reported
        if answers.study.measure.title.endswith("%")
        and setting.reported is not None
        and setting.reported > 0.5
        and not setting.bound
        and (values := answers.values(setting.label))
    ]


@drawn
def agreement(found: Sequence[Dot]) -> bytes:
    """Ours against reported."""
    made = figure(WIDTH, 3.6)
    axes = made.subplots()
    for report, style in zip(sorted({dot.report for dot in found}), SERIES, strict=False):
        own = [dot for dot in found if dot.report == report]
        means = np.array([np.mean(dot.values) for dot in own])
        spans = [means - [min(dot.values) for dot in own], [max(dot.values) for dot in own] - means]
        axes.errorbar(
            [dot.reported for dot in own],
            means,
            np.clip(spans, 0, None),
            label=report,
            linestyle="",
            marker=style["marker"],
            color=style["color"],
            markersize=4,
            elinewidth=0.8,
        )
    low = min(dot.reported for dot in found) - 1
    axes.plot([low, 100], [low, 100], color="0.7", linewidth=0.8, zorder=0)
    axes.set_xlim(low, 100)
    axes.set_ylim(min(low, *(min(dot.values) - 0.5 for dot in found)), 100.3)
    axes.set_xlabel("reported accuracy, %")
    axes.set_ylabel("ours, %")
    tidy(axes)
    axes.legend(frameon=False, fontsize=8)
    return png(made)


def _size(difference: Difference, most: float) -> float:
    """The mean over half the interval, at most so much."""
    if not difference.mean:
        return 0.0
    return float(np.clip(difference.mean / (difference.half or 1e-12), -most, most))


@drawn
def clearness(found: Sequence[tuple[str, Difference]], most: float = 8.0) -> bytes:
    """Every statement: mean over half the interval, from the greatest to the least."""
    made = figure(WIDTH, 3.2)
    axes = made.subplots()
    order = sorted(((_size(each, most), report) for report, each in found), reverse=True)
    for report, style in zip(sorted({report for _, report in order}), SERIES, strict=False):
        at = [i for i, (_, own) in enumerate(order) if own == report]
        axes.plot(
            at,
            [order[i][0] for i in at],
            linestyle="",
            marker=style["marker"],
            color=style["color"],
            markersize=3.5,
            label=report,
        )
    axes.axhspan(-1, 1, color="0.93", zorder=0)
    axes.axhline(0, color="0.6", linewidth=0.8)
    axes.set_ylabel("mean / half the interval")
    axes.set_xlabel(f"reported statements, the clearest first (beyond ±{most:g} drawn there)")
    tidy(axes)
    axes.legend(frameon=False, fontsize=8)
    return png(made)


@drawn
def plateau(answers: StudyResults) -> bytes:
    """The test accuracy of R5's descent by epoch, for each printed rate with either `col2im`."""
    made = figure(WIDTH, 3.2)
    axes = made.subplots()
    labels = [setting.label for setting in answers.study.settings if not setting.ours]
    for label, style in zip(labels, SERIES, strict=False):
        band(axes, list(answers.runs[label].values()), "epoch", "test_accuracy", 100, label, style)
    axes.set_xlabel("epoch")
    axes.set_ylabel("test accuracy, %")
    tidy(axes)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=8)
    return png(made)
