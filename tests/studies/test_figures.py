"""The figures of studies, drawn from runs that are made up."""

from functools import partial
from io import BytesIO

import attrs
import pytest
from PIL import Image

from experiments.engine import figures, page_figures
from experiments.engine.statistics import Difference
from experiments.engine.study import DIVERGED, Measure, Setting, StudyResults, final, get
from fnnet.errors import ConfigError
from fnnet.runs.style import SERIES
from tests.studies import tasks
from tests.studies.looking import lines, looked_at
from tests.studies.tasks import Config, run, study

VALUE = ("value", "value, %", 100.0)
ACCURACY = Measure("accuracy, %", final("value"), 100)


def answers(values, rows=1, **changes):
    """Runs with one value a seed, `rows` times."""
    settings = tuple(Setting(label, Config(float(i)), **changes) for i, label in enumerate(values))
    runs = {label: {seed: run(value, seed) for seed, value in enumerate(of)} for label, of in values.items()}
    for of in runs.values():
        for seed, each in of.items():
            of[seed] = attrs.evolve(each, rows=[each.rows[0] | {"epoch": n + 1} for n in range(rows)])
    return StudyResults(study(tasks.good, settings=settings, measure=ACCURACY), runs)


def told(made):
    """The labels in the legend."""
    return [text.get_text() for legend in made.legends for text in legend.get_texts()]


def test_styles_differ_in_colour_in_dash_and_in_marker():
    for part in ("color", "linestyle", "marker"):
        assert len({series[part] for series in SERIES}) == len(SERIES)


@pytest.mark.parametrize("panels", [1, 2])
@pytest.mark.parametrize("words", ["{}", "setting {} with a label that is as long as labels get, or longer"])
def test_as_many_curves_as_there_are_styles_have_one_legend_beside_them(panels, words, monkeypatch):
    found = answers({words.format(i): (i / 8, i / 9) for i in range(len(SERIES))}, rows=2_000)
    made = looked_at(partial(figures.curves(*[VALUE] * panels), found), monkeypatch)
    assert told(made) == list(found.runs)
    (legend,), (first, *_) = made.legends, made.axes
    box = legend.get_window_extent()
    assert (box.x0 > first.bbox.x1) == (panels == 1)
    assert (box.y1 < first.bbox.y0) == (panels == 2)


def test_more_settings_than_styles_are_refused():
    found = answers({str(i): (0.5,) for i in range(len(SERIES) + 1)})
    with pytest.raises(ConfigError, match=r"at most 8, got \['0', .*; choose some by `labels`, or draw two figures"):
        figures.curves(VALUE)(found)


def test_settings_of_the_same_runs_are_drawn_once(monkeypatch):
    found = answers({"all epochs": (0.5,), "at 10 epochs": (0.5,), "another": (0.6,)})
    first, second, third = found.study.settings
    settings = (first, attrs.evolve(second, config=first.config), third)
    found = StudyResults(attrs.evolve(found.study, settings=settings), found.runs)
    assert told(looked_at(partial(figures.curves(VALUE), found), monkeypatch)) == ["all epochs", "another"]


def test_a_setting_keeps_its_style_while_others_are_not_run(monkeypatch):
    whole = answers({"a": (0.5,), "b": (0.6,)})
    part = StudyResults(whole.study, {"a": {}, "b": whole.runs["b"]})
    colours = [
        looked_at(partial(figures.curves(VALUE), found), monkeypatch).axes[0].get_lines()[-1].get_color()
        for found in (whole, part)
    ]
    assert colours[0] == colours[1]


def test_what_diverged_is_told(monkeypatch):
    found = answers({"a": (0.5, 0.6), "b": (0.5, 0.6)})
    lost = attrs.evolve(found.runs["b"][0], rows=[], final={DIVERGED: 3})
    found = StudyResults(found.study, found.runs | {"b": {0: lost, 1: found.runs["b"][1]}})
    made = looked_at(partial(figures.curves(VALUE), found), monkeypatch)
    assert told(made) == ["a", "b (1 of 2 diverged)"]


def test_equal_curves_show_the_markers_of_both():
    starts = [figures.marked(series, 80) for series in SERIES]
    assert len(set(starts)) == len(SERIES)
    assert all(start < every == 10 for start, every in starts)
    assert {figures.marked(series, 5) for series in SERIES} == {(0, 1)}  # too few points to share out


def test_numbers_along_an_axis_never_meet(monkeypatch):
    found = answers({"six convolutions, half again the augmentation": (0.99833, 1.0), "six convolutions": (0.99917,)})
    looked_at(partial(figures.points(ACCURACY), found), monkeypatch)


def test_a_curve_counts_by_itself_in_what_a_frame_shows(monkeypatch):
    """A short curve is not left out because a long one has more points."""
    found = answers({"long": (0.95,), "short": (0.8,)}, rows=300)
    short = attrs.evolve(found.runs["short"][0], rows=found.runs["short"][0].rows[:20])
    found = StudyResults(found.study, found.runs | {"short": {0: short}})
    (axes,) = looked_at(partial(figures.curves(VALUE), found), monkeypatch).axes
    assert axes.get_ylim()[0] < 80


def test_a_curve_far_below_is_told_in_words(monkeypatch):
    """And the frame ends where the others do."""
    found = answers({"a": (0.95,), "b": (0.951,), "c": (0.952,), "d": (0.953,), "e": (0.954,), "far": (0.25,)}, rows=20)
    far = attrs.evolve(found.runs["far"][0], rows=[{"epoch": n, "value": 0.2 + n / 1000} for n in range(1, 51)])
    found = StudyResults(found.study, found.runs | {"far": {0: far}})
    (axes,) = looked_at(partial(figures.curves(VALUE), found), monkeypatch).axes
    assert [text.get_text() for text in axes.texts] == ["far: below, mean 25 at most"]
    assert axes.get_ylim()[0] > 90
    assert 20 < axes.get_xlim()[1] < 25


def test_the_file_says_how_large_it_is_in_print():
    with Image.open(BytesIO(figures.curves(VALUE)(answers({"a": (0.5,)})))) as image:
        assert image.width == 1320
        assert image.info["dpi"] == pytest.approx((200, 200), abs=0.1)


def test_a_report_has_one_style_on_all_of_the_first_page(monkeypatch):
    dots = [page_figures.Dot(report, 95.0, [94.0, 95.0]) for report in ("R2", "R5")]
    statements = [(report, Difference(0.1, 0.05, 3)) for report in ("R1", "R2", "R5")]
    for draw in (partial(page_figures.agreement, dots), partial(page_figures.clearness, statements)):
        made = looked_at(draw, monkeypatch)
        colours = {report: line.get_color() for report, line in lines(made).items()}
        assert (colours["R2"], colours["R5"]) == (SERIES[1]["color"], SERIES[4]["color"])


def test_only_accuracies_on_the_test_set_are_dots_of_the_first_page():
    made = get("r5-adam")
    runs = {
        setting.label: {0: attrs.evolve(run(0.0), final={"test_accuracy": 0.986, "train_accuracy": 0.998})}
        for setting in made.settings
    }
    dots = page_figures.dots([(StudyResults(made, runs), setting) for setting in made.settings if not setting.bound])
    assert [dot.reported for dot in dots] == [98.6]
