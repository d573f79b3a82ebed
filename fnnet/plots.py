"""Figures: functions from values to a matplotlib `Figure`, which a notebook shows and `figure.savefig(path)` keeps.

Extra `plots`. Nothing here touches pyplot or its state, so figures can be made anywhere, and several at a time.

>>> from fnnet import plots
>>> figure = plots.curves({"training": [2.3, 0.9, 0.4], "test": [2.2, 1.0, 0.6]}, x="epoch", y="loss")
>>> [axes.get_ylabel() for axes in figure.axes]
['loss']
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from fnnet.arguments import flag
from fnnet.errors import ConfigError, ShapeError, expected
from fnnet.types import Array

if TYPE_CHECKING:  # matplotlib is imported by what draws
    from matplotlib.figure import Figure

__all__ = ["bars", "curves", "heatmap", "images", "weights"]

DPI = 120
INKS = ("#1b1b3a", "#c1440e", "#3a7ca5", "#e0a030", "#5f8f3a", "#9467a8")  # dark to light: they differ in grey too
DASHES = ("-", "--", "-.", ":", (0, (6, 2)), (0, (3, 1, 1, 1)))


def curves(
    series: Mapping[str, ArrayLike], *, x: str = "step", y: str = "", title: str = "", log: bool = False, at: Any = None
) -> "Figure":
    """Lines by name, on one pair of axes.

    Args:
        series: name -> numbers (T,), or those of several runs (S, T): their mean, in a band from the least to the
            greatest.
        x: what the horizontal axis counts.
        y: what is drawn, with its unit.
        title: above the figure.
        log: whether the vertical axis is logarithmic.
        at: where the numbers stand, (T,); by default 1, 2, …

    Raises:
        ConfigError: there is no series.
        ShapeError: a series is no such numbers, or not as long as `at`.
    """
    if not series:
        raise ConfigError(expected("series", "at least one, by name", "none"))
    figure = _figure(6.4, 3.6)
    axes = figure.subplots()
    for i, (name, values) in enumerate(series.items()):
        numbers = np.asarray(values, np.float64)
        runs = np.atleast_2d(numbers)
        where = np.arange(1, runs.shape[-1] + 1) if at is None else np.asarray(at)
        if runs.ndim != 2 or where.shape != runs.shape[1:] or not len(runs):
            raise ShapeError(expected(f"series {name!r}", "numbers (T,) or (S, T), T as in `at`", numbers.shape))
        style: dict[str, Any] = {"color": INKS[i % len(INKS)], "linestyle": DASHES[i % len(DASHES)], "linewidth": 1.6}
        axes.plot(where, runs.mean(axis=0), label=name, **style)
        if len(runs) > 1:
            axes.fill_between(where, runs.min(axis=0), runs.max(axis=0), color=style["color"], alpha=0.15, linewidth=0)
    axes.set(xlabel=x, ylabel=y)
    if at is None:
        axes.locator_params("x", integer=True)
    axes.set_title(title, loc="left")
    if flag("log", log):
        axes.set_yscale("log")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="0.9", linewidth=0.8)
    if len(series) > 1:
        axes.legend(frameon=False)
    return figure


def bars(values: Mapping[str, float], *, x: str = "", title: str = "", log: bool = False) -> "Figure":
    """A bar for each name, the first on top.

    Args:
        values: name -> number.
        x: what is drawn, with its unit.
        title: above the figure.
        log: whether the axis is logarithmic.

    Raises:
        ConfigError: there is no value.

    >>> figure = bars({"dense_0": 0.1, "dense_1": 0.01}, x="root mean square", log=True)
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['dense_0', 'dense_1']
    """
    if not values:
        raise ConfigError(expected("values", "at least one, by name", "none"))
    figure = _figure(6.4, 0.9 + 0.3 * len(values))
    axes = figure.subplots()
    axes.barh(range(len(values)), list(values.values()), color=INKS[2], height=0.6)
    axes.set_yticks(range(len(values)), list(values))
    axes.invert_yaxis()
    axes.set_xlabel(x)
    axes.set_title(title, loc="left")
    if flag("log", log):
        axes.set_xscale("log")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    return figure


def heatmap(
    values: ArrayLike,
    rows: Sequence[object] = (),
    columns: Sequence[object] = (),
    *,
    x: str = "",
    y: str = "",
    title: str = "",
    digits: int | None = None,
) -> "Figure":
    """A table as a picture, the darker the more: a confusion, the weights of attention, a slice of a loss.

    Args:
        values: (R, C).
        rows: R names, printed by `str`; by default they are counted from 0.
        columns: C names.
        x: what the columns are.
        y: what the rows are.
        title: above the figure.
        digits: write every number in its place, with so many decimals; by default none is written.

    Raises:
        ShapeError: it is no table, or there is another number of names.

    >>> figure = heatmap([[9, 1], [2, 8]], "ab", "ab", x="read as", y="is", digits=0)
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['9', '1', '2', '8']
    """
    table = np.asarray(values, np.float64)
    if table.ndim != 2 or 0 in table.shape:
        raise ShapeError(expected("values", "(R, C), neither of them 0", table.shape))
    for name, names, length in (("rows", rows, len(table)), ("columns", columns, table.shape[1])):
        if len(names) not in (0, length):
            raise ShapeError(expected(name, f"none, or {length} names, one for each", len(names)))
    down, across = table.shape
    figure = _figure(1.6 + min(6.0, 0.32 * across), 0.9 + min(5.0, 0.32 * down))
    axes = figure.subplots()
    shown = axes.imshow(table, cmap="Greys", aspect="auto", interpolation="nearest")
    axes.locator_params(integer=True)
    if len(columns):
        axes.set_xticks(range(across), [str(name) for name in columns])
    if len(rows):
        axes.set_yticks(range(down), [str(name) for name in rows])
    axes.set(xlabel=x, ylabel=y)
    axes.set_title(title, loc="left")
    if digits is None:
        figure.colorbar(shown)
        return figure
    middle = (table.min() + table.max()) / 2
    for (i, j), value in np.ndenumerate(table):
        ink = "white" if value > middle else "black"
        axes.text(j, i, f"{value:.{digits}f}", ha="center", va="center", color=ink, fontsize=8)
    return figure


def images(pictures: Array, titles: Sequence[object] = (), *, across: int = 10) -> "Figure":
    """Pictures in rows, dark on light, each on its own scale.

    Args:
        pictures: (N, H, W), (N, 1, H, W) in grey or (N, 3, H, W) in colours from 0 to 1.
        titles: of each, printed by `str`; none by default.
        across: pictures in a row.

    Raises:
        ShapeError: these are no pictures.

    >>> len(images(np.zeros((3, 1, 8, 8)), ["a", "b", "c"], across=2).axes)
    4
    """
    found = np.asarray(pictures)
    grey = found[:, None] if found.ndim == 3 else found
    if grey.ndim != 4 or grey.shape[1] not in (1, 3) or 0 in grey.shape:
        raise ShapeError(expected("pictures", "(N, H, W), (N, 1, H, W) or (N, 3, H, W)", found.shape))
    return _tiles(list(grey), titles, across, signed=False)


def weights(kernels: Array, *, across: int = 8) -> "Figure":
    """Kernels of a convolution as pictures on one scale: red above 0, blue below.

    Args:
        kernels: (O, C, kH, kW); a row of `across` for every input channel.
        across: kernels in a row.

    Raises:
        ShapeError: these are no kernels of images.

    >>> len(weights(np.ones((4, 1, 3, 3))).axes)
    4
    """
    found = np.asarray(kernels)
    if found.ndim != 4 or 0 in found.shape:
        raise ShapeError(expected("kernels", "(O, C, kH, kW)", found.shape))
    tiles = found.swapaxes(0, 1).reshape(-1, 1, *found.shape[2:])
    return _tiles(list(tiles), (), min(across, len(tiles)), signed=True)


def _tiles(tiles: list[Array], titles: Sequence[object], across: int, signed: bool) -> "Figure":
    """Pictures (C, H, W) in a grid without axes."""
    down = -(-len(tiles) // across)
    figure = _figure(0.85 * across, (1.05 if len(titles) else 0.9) * down)
    grid = figure.subplots(down, across, squeeze=False)
    bound = max(float(np.abs(tile).max()) for tile in tiles) or 1.0
    scale: dict[str, Any] = {"cmap": "RdBu_r", "vmin": -bound, "vmax": bound} if signed else {"cmap": "Greys"}
    for axes in grid.flat:
        axes.set_axis_off()
    for i, (axes, tile) in enumerate(zip(grid.flat, tiles, strict=False)):
        axes.imshow(tile[0] if len(tile) == 1 else tile.transpose(1, 2, 0), interpolation="nearest", **scale)
        if i < len(titles):
            axes.set_title(str(titles[i]), fontsize=8)
    return figure


def _figure(width: float, height: float) -> "Figure":
    """An empty figure of that many inches, which belongs to nobody's session."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{error}; figures need it: pip install 'fnnet[plots]'", name=error.name) from None
    return Figure(figsize=(width, height), dpi=DPI, layout="constrained")
