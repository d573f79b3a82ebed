"""Figures: they show the numbers they were given, and touch nobody's state."""

import subprocess
import sys

import numpy as np
import pytest

from fnnet import errors, plots


def test_curves_are_the_numbers_by_name():
    figure = plots.curves({"a": [3.0, 2.0], "b": [1.0, 4.0]}, x="epoch", y="loss", title="T", log=True)
    (axes,) = figure.axes
    assert [line.get_label() for line in axes.lines] == ["a", "b"]
    assert [line.get_ydata().tolist() for line in axes.lines] == [[3, 2], [1, 4]]
    assert axes.lines[0].get_xdata().tolist() == [1, 2]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_yscale(), axes.get_title("left")) == (
        "epoch",
        "loss",
        "log",
        "T",
    )
    assert axes.get_legend() is not None
    (alone,) = plots.curves({"a": [3.0, 2.0]}, at=[10, 20]).axes
    assert alone.lines[0].get_xdata().tolist() == [10, 20]
    assert alone.get_legend() is None
    inks = {(line.get_color(), line.get_linestyle()) for line in axes.lines}
    assert len(inks) == 2


def test_several_runs_are_a_mean_in_a_band():
    (axes,) = plots.curves({"a": [[1.0, 5.0], [3.0, 6.0]], "b": [2.0, 2.0]}).axes
    assert axes.lines[0].get_ydata().tolist() == [2.0, 5.5]
    (band,) = axes.collections
    assert band.get_datalim(axes.transData).extents.tolist() == [1.0, 1.0, 2.0, 6.0]


def test_a_table_is_a_picture_with_its_names():
    table = np.array([[9.0, 1.0, 0.0], [2.0, 8.0, 0.5]])
    figure = plots.heatmap(table, "ab", [1, 2, 3], x="read as", y="is", digits=1)
    (axes,) = figure.axes
    assert axes.images[0].get_array().tolist() == table.tolist()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "3"]
    assert [text.get_text() for text in axes.texts] == ["9.0", "1.0", "0.0", "2.0", "8.0", "0.5"]
    plain, bar = plots.heatmap(table).axes
    assert not plain.texts
    assert bar.get_ylim() == (0.0, 9.0)


def test_bars_stand_in_their_order():
    (axes,) = plots.bars({"first": 2.0, "second": 1.0}, x="size").axes
    assert [bar.get_width() for bar in axes.patches] == [2.0, 1.0]
    assert axes.yaxis_inverted()
    assert axes.get_xscale() == "linear"


def test_pictures_are_shown_as_they_are():
    pictures = np.arange(2 * 4 * 4.0).reshape(2, 1, 4, 4)
    figure = plots.images(pictures, ["a", 7], across=2)
    assert [axes.images[0].get_array().tolist() for axes in figure.axes] == pictures[:, 0].tolist()
    assert [axes.get_title() for axes in figure.axes] == ["a", "7"]
    coloured = plots.images(np.full((1, 3, 2, 2), 0.5), across=1).axes[0].images[0].get_array()
    assert coloured.shape == (2, 2, 3)
    assert len(plots.images(np.zeros((3, 5, 5)), across=2).axes) == 4


def test_kernels_share_one_scale_about_zero():
    kernels = np.array([1.0, -4.0]).reshape(2, 1, 1, 1) * np.ones((2, 3, 2, 2))
    figure = plots.weights(kernels, across=2)
    limits = {axes.images[0].get_clim() for axes in figure.axes}
    assert limits == {(-4.0, 4.0)}
    assert len(figure.axes) == 6


@pytest.mark.parametrize(
    ("draw", "error", "words"),
    [
        (lambda: plots.curves({}), errors.ConfigError, "series: expected at least one"),
        (lambda: plots.curves({"a": [[[1.0]]]}), errors.ShapeError, "series 'a': expected numbers"),
        (lambda: plots.curves({"a": [1.0]}, at=[1, 2]), errors.ShapeError, "T as in `at`"),
        (lambda: plots.curves({"a": [1.0]}, log=1), errors.ConfigError, "log"),
        (lambda: plots.heatmap([1.0]), errors.ShapeError, r"values: expected \(R, C\)"),
        (lambda: plots.heatmap([[1.0]], "ab"), errors.ShapeError, "rows: expected none, or 1 names"),
        (lambda: plots.bars({}), errors.ConfigError, "values: expected at least one"),
        (lambda: plots.images(np.zeros((2, 2, 4, 4))), errors.ShapeError, "pictures: expected"),
        (lambda: plots.images(np.zeros((0, 4, 4))), errors.ShapeError, "pictures: expected"),
        (lambda: plots.weights(np.zeros((2, 4, 4))), errors.ShapeError, "kernels: expected"),
    ],
)
def test_what_cannot_be_drawn_is_told(draw, error, words):
    with pytest.raises(error, match=words):
        draw()


def test_pyplot_is_left_alone_and_a_missing_library_is_named():
    code = """
import sys
from fnnet import plots
plots.curves({"a": [1.0]})
assert "matplotlib.pyplot" not in sys.modules
for name in [name for name in sys.modules if name.startswith("matplotlib")]:
    del sys.modules[name]
sys.modules["matplotlib"] = None
try:
    plots.curves({"a": [1.0]})
except ModuleNotFoundError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "figures need it: pip install 'fnnet[plots]'" in done.stdout
