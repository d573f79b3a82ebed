"""The three figures of the first page."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from experiments.engine.figures import WIDTH, band, count_along, drawn, styled
from experiments.engine.statistics import Difference
from experiments.engine.study import Setting, StudyResults
from experiments.registry import REPORTS
from fnnet.runs.style import figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLES = styled(REPORTS.values())


class Dot(NamedTuple):
    """A reported figure in percent, and ours over the seeds."""

    report: str
    reported: float
    values: Sequence[float]


def dots(reported: Sequence[tuple[StudyResults, Setting]]) -> list[Dot]:
    """The test accuracies above one half among reported figures, but for bounds."""
    return [
        Dot(answers.study.report, 100 * setting.reported, [100 * value for value in values.values()])
        for answers, setting in reported
        if answers.study.measure.title.endswith("%")
        and setting.reported is not None
        and setting.reported > 0.5
        and not setting.bound
        and "training" not in setting.label  # R5 gives the accuracy on its training set, too
        and (values := answers.values(setting.label))
    ]


@drawn
def agreement(found: Sequence[Dot]) -> "Figure":
    """Ours against reported."""
    made = figure(WIDTH, 3.6)
    axes = made.subplots()
    for report in sorted({dot.report for dot in found}):
        own = [dot for dot in found if dot.report == report]
        means = np.array([np.mean(dot.values) for dot in own])
        spans = [means - [min(dot.values) for dot in own], [max(dot.values) for dot in own] - means]
        axes.errorbar(
            [dot.reported for dot in own],
            means,
            np.clip(spans, 0, None),
            label=report,
            linestyle="",
            marker=STYLES[report]["marker"],
            color=STYLES[report]["color"],
            elinewidth=0.8,
        )
    low = min(dot.reported for dot in found) - 1
    axes.plot([low, 100], [low, 100], color="0.7", linewidth=0.8, zorder=0)
    axes.set_xlim(low, 100)
    axes.set_ylim(min(low, *(min(dot.values) - 0.5 for dot in found)), 100.3)
    axes.set_xlabel("reported accuracy, %")
    axes.set_ylabel("our accuracy, %")
    tidy(axes)
    return made


def _size(difference: Difference, most: float) -> float:
    """The mean over half the interval, at most so much."""
    if not difference.mean:
        return 0.0
    return float(np.clip(difference.mean / (difference.half or 1e-12), -most, most))


@drawn
def clearness(found: Sequence[tuple[str, Difference]], most: float = 8.0) -> "Figure":
    """Every statement: mean over half the interval, from the greatest to the least."""
    made = figure(WIDTH, 3.2)
    axes = made.subplots()
    order = sorted(((_size(each, most), report) for report, each in found), reverse=True)
    for report in sorted({report for _, report in order}):
        at = [i for i, (_, own) in enumerate(order) if own == report]
        axes.plot(
            at,
            [order[i][0] for i in at],
            linestyle="",
            marker=STYLES[report]["marker"],
            color=STYLES[report]["color"],
            label=report,
        )
    axes.axhspan(-1, 1, color="0.93", zorder=0)
    axes.axhline(0, color="0.6", linewidth=0.8)
    axes.set_ylabel("mean over half its 95 % interval")
    axes.set_xlabel(f"reported statements, the clearest first (beyond ±{most:g} drawn there)")
    tidy(axes)
    return made


@drawn
def plateau(answers: StudyResults) -> "Figure":
    """The test accuracy of R5's descent by epoch, for each printed rate with either `col2im`."""
    made = figure(WIDTH, 3.2)
    axes = made.subplots()
    labels = [setting.label for setting in answers.study.settings if not setting.ours]
    for label, series in styled(labels).items():
        band(axes, list(answers.runs[label].values()), "epoch", "test_accuracy", 100, label, series)
    axes.set_xlabel("epoch")
    count_along(axes)
    axes.set_ylabel("test accuracy, %")
    tidy(axes)
    return made
