"""The figures of a run. Each function returns the bytes of a PNG."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np

from fnnet.arrays import is_floats
from fnnet.runs.measure import Measure
from fnnet.runs.style import FAMILY, SERIES, drawn, figure, legible, png, tidy
from fnnet.training import LayerTrace
from fnnet.types import Array, Shapes

INK = "0.1"
STRETCHES = 120  # of a training, each of which has one median of its batches' losses


@drawn
def curves(
    rows: Sequence[dict[str, Any]], losses: Sequence[float], steps_per_epoch: float, measure: Measure, loss_words: str
) -> bytes:
    """Loss by step and epoch, and a measure by epoch.

    Args:
        rows: the lines of metrics.jsonl.
        losses: the loss of every step.
        steps_per_epoch: to place steps on the axis of epochs.
        measure: beside the loss.
        loss_words: the loss in words, with its unit.
    """
    from matplotlib.ticker import MaxNLocator

    made = figure(9, 3.6)
    left, right = made.subplots(1, 2)
    epochs = [row["epoch"] for row in rows]
    markers = {"markersize": 4, "markevery": max(1, len(rows) // 12)}
    _batches(left, losses, steps_per_epoch)
    parts = [("train", "training, mean over the epoch", 0.5), ("test", "test, after the epoch", 0.0)]
    if "validation_loss" in rows[0]:
        parts.append(("validation", "validation, after the epoch", 0.0))
    for axes, quantity in ((left, "loss"), (right, measure.name)):
        for (part, words, back), style in zip(parts, SERIES, strict=False):
            values = [row[f"{part}_{quantity}"] for row in rows]
            axes.plot([epoch - back for epoch in epochs], values, label=words, linewidth=1.6, **style, **markers)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.set_xlim(0, max(epochs) * 1.02)
        tidy(axes)
    shown = [row[f"{part}_loss"] for row in rows for part, *_ in parts]
    if min([*shown, *losses]) > 0:
        _logarithmic(left)
        if len(losses):
            left.set_ylim(max(1e-9, 0.5 * min(shown)), 2 * max(*shown, float(np.quantile(losses, 0.999))))
    left.set_ylabel(loss_words)
    left.set_title("Loss", loc="left")
    values = [row[f"{part}_{measure.name}"] for row in rows for part, *_ in parts]
    if measure.log and 0 < 10 * min(values) < max(values):  # else no power of ten may stand along the axis
        _logarithmic(right)
    else:
        right.yaxis.set_major_formatter(lambda value, _: f"{measure.scale * value:g}")
    right.set_ylabel(measure.axis)
    right.set_title(measure.words.capitalize(), loc="left")
    for axes in (left, right):
        axes.legend(frameon=False)
    return png(made)


def _logarithmic(axes: Any) -> None:
    """Plain numbers along a logarithmic axis."""
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")


def _batches(axes: Any, losses: Sequence[float], steps_per_epoch: float) -> None:
    """The losses of all batches: their running median, in a band that nine of ten of them lie in."""
    parts = [part for part in np.array_split(np.asarray(losses, np.float64), min(len(losses), STRETCHES)) if len(part)]
    if not parts:
        return
    ends = np.cumsum([len(part) for part in parts])
    at = (ends - [len(part) / 2 for part in parts]) / steps_per_epoch
    low, middle, high = np.transpose([np.quantile(part, (0.05, 0.5, 0.95)) for part in parts])
    axes.fill_between(at, low, high, color="0.88", linewidth=0, label="9 of 10 batches")
    axes.plot(at, middle, color="0.6", linewidth=0.9, label="batches, running median")


@drawn
def confusion(counts: Array, classes: Sequence[str], title: str) -> bytes:
    """A confusion matrix: every cell with its count, errors shaded by their number (the diagonal is left white).

    Args:
        counts: examples (classes, classes) by true class (rows) and predicted class (columns).
        classes: their names.
        title: above the matrix.
    """
    n, classes = len(classes), legible(classes)
    side = max(3.4, 1.6 + 0.42 * n)  # what stands beside it has its length too
    made = figure(side, side)
    axes = made.subplots()
    wrong = counts * (1 - np.eye(n, dtype=counts.dtype))
    most = max(1, int(wrong.max()))
    darkest = 1.6 * most
    axes.imshow(wrong, cmap="Greys", vmin=0, vmax=darkest)
    for i in range(n):
        for j in range(n):
            count = int(counts[i, j])
            if count:
                font = {"family": FAMILY, "size": 8, "weight": "bold" if i == j else "normal"}  # others have no bold
                colour = "white" if wrong[i, j] > 0.5 * darkest else INK  # what is read on this shade
                axes.text(j, i, f"{count}", ha="center", va="center", color=colour, font=font)
    axes.set_xticks(range(n), classes)
    axes.set_yticks(range(n), classes)
    axes.set_xticks(np.arange(n + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(n + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="0.85", linewidth=0.6)
    axes.tick_params(which="both", length=0)
    axes.set_xlabel("predicted class, number of examples")
    axes.set_ylabel("true class")
    axes.set_title(title, loc="left", fontsize=10)
    return png(made)


@drawn
def mistakes(images: Array, labels: Array, probabilities: Array, classes: Sequence[str], rows: Sequence[int]) -> bytes:
    """Misclassified examples, each with what it is, what was read, and the probabilities of both.

    Args:
        images: (n, C, H, W).
        labels: their true classes.
        probabilities: (n, classes).
        classes: names.
        rows: where each stands in the test set.
    """
    across, classes = 6, legible(classes)
    down = max(1, -(-len(images) // across))
    wide, high, side = 1.4, 1.85, 1.3  # inches: of a place, and of the picture in it
    made = figure(wide * across, high * down, layout=None)
    axes = made.add_axes((0, 0, 1, 1))  # one for all, as thirty take a second
    for i, (image, label, p, row) in enumerate(zip(images, labels, probabilities, rows, strict=True)):
        read, picture = int(p.argmax()), _picture(image)
        x, y = wide * (i % across + 0.5), high * (i // across + 0.555)  # its middle
        half_y, half_x = (side / 2 * n / max(picture.shape[:2]) for n in picture.shape[:2])
        box = (x - half_x, x + half_x, y + half_y, y - half_y)
        axes.imshow(picture, cmap="Greys", interpolation="nearest", extent=box, aspect="auto")
        axes.plot(np.take(box, [0, 1, 1, 0, 0]), np.take(box, [2, 2, 3, 3, 2]), color="0.75", linewidth=0.8)
        said = f"read {classes[read]} ({_percent(p[read])})\nis {classes[label]} ({_percent(p[label])})"
        axes.text(x, y - half_y - 0.06, said, fontsize=8, color=INK, ha="center", va="bottom")
        axes.text(x, y + half_y + 0.04, f"no. {row}", fontsize=7, color="0.4", ha="center", va="top")
    axes.set_xlim(0, wide * across)
    axes.set_ylim(high * down, 0)
    axes.set_axis_off()
    return png(made)


@drawn
def titled(pictures: Array, titles: Sequence[str]) -> bytes:
    """Pictures (N, C, H, W) in [0, 1] in rows, each with its title above."""
    across = min(10, len(pictures))
    down = -(-len(pictures) // across)
    made = figure(max(1.2 * across, 2.4), 1.35 * down)
    grid = made.subplots(down, across, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, image, title in zip(grid.flat, pictures, legible(titles), strict=False):
        axes.imshow(_picture(image), cmap="Greys", vmin=0, vmax=1, interpolation="nearest")
        axes.set_title(title, fontsize=7, color=INK)
    return png(made)


@drawn
def kernels(weight: Array) -> bytes:
    """The kernels (O, C, kH, kW) of a convolution on one scale: one column for each O, one row for each C.

    Those of one channel stand in lines of 8; of more than fit, the first are shown.
    """
    o, c = weight.shape[:2]
    shown = (
        [(i, 0) for i in range(min(o, 64))] if c == 1 else [(i, j) for j in range(min(c, 4)) for i in range(min(o, 8))]
    )
    across = min(o, 8)
    down = -(-len(shown) // across)
    made = figure(max(3.0, 1.15 * across + 1.2), 1.2 * down + 0.5)
    grid = made.subplots(down, across, squeeze=False)
    bound = float(np.abs(weight).max()) or 1.0
    for axes in grid.flat[len(shown) :]:
        axes.set_axis_off()
    for axes, (i, j) in zip(grid.flat, shown, strict=False):
        image = axes.imshow(weight[i, j], cmap="RdBu_r", vmin=-bound, vmax=bound, interpolation="nearest")
        axes.spines[:].set_color("0.75")
        axes.set_xticks([])
        axes.set_yticks([])
        if j == 0:
            axes.set_title(f"kernel {i}", fontsize=9)
        if i == 0 and c > 1:
            axes.set_ylabel(f"channel {j}", fontsize=9)
    place = grid[0, -1].inset_axes((1.12, 0.0, 0.09, 1.0))  # as tall as a kernel
    bar = made.colorbar(image, cax=place)
    bar.ax.tick_params(labelsize=7)
    bar.set_label("weight", fontsize=8)
    return png(made)


@drawn
def sizes(rows: Sequence[LayerTrace], title: str) -> bytes:
    """How large a step's numbers are in every layer, on a logarithmic axis.

    Args:
        rows: from `fnnet.training.trace`.
        title: above the figure.
    """
    made = figure(max(5.0, 1.2 + 0.55 * len(rows)), 4.4)
    axes = made.subplots()
    series = (
        ("output", "activations", "0.1", "o-"),
        ("output_gradient", "gradient by activations", "0.45", "s--"),
        ("params", "weights", "0.1", "D"),
        ("gradient", "gradient by weights", "0.45", "v"),
        ("update", "updates", "0.1", "x"),
    )
    for part, words, shade, style in series:
        found = [(i, getattr(row, part).rms) for i, row in enumerate(rows) if getattr(row, part) is not None]
        shown = [(i, rms) for i, rms in found if rms > 0]
        if shown:
            axes.plot(*zip(*shown, strict=True), style, color=shade, markerfacecolor="none", linewidth=1.2, label=words)
    axes.set_yscale("log")
    axes.set_xticks(range(len(rows)), [row.path or row.kind for row in rows], rotation=60, ha="right", fontsize=8)
    axes.set_ylabel("root mean square")
    axes.set_title(title, loc="left", fontsize=10)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    tidy(axes)
    return png(made)


@drawn
def fit(x: Array, target: Array, y: Array) -> bytes:
    """A function of one number, what a net makes of it, and by how much it is off.

    Args:
        x: where, rising.
        target, y: what should be there and what is.
    """
    made = figure(9, 3.4)
    left, right = made.subplots(1, 2)
    left.plot(x, target, color="0.75", linewidth=4, label="as it should be")
    left.plot(x, y, linewidth=1.4, label="the net", color=SERIES[0]["color"])
    left.set_ylabel("y")
    left.set_title("Fit", loc="left")
    left.legend(frameon=False)
    right.axhline(0, color="0.75", linewidth=1)
    right.plot(x, y - target, linewidth=1.4, color=SERIES[1]["color"])
    right.set_ylabel("y less what it should be")
    right.set_title("Error", loc="left")
    for axes in (left, right):
        axes.set_xlabel("x")
        tidy(axes)
    return png(made)


@drawn
def against(target: Array, y: Array) -> bytes:
    """What a net gives against what it should, (N, m) each, one series for each of the first m."""
    made = figure(4.6, 4.4)
    axes = made.subplots()
    ends = [float(min(target.min(), y.min())), float(max(target.max(), y.max()))]
    axes.plot(ends, ends, color="0.75", linewidth=1)
    for i, style in zip(range(y.shape[1]), SERIES, strict=False):
        one: dict[str, Any] = {"color": style["color"], "marker": style["marker"], "linestyle": "none", "markersize": 3}
        axes.plot(target[:, i], y[:, i], label=f"output {i}", markerfacecolor="none", **one)
    axes.set_xlabel("as it should be")
    axes.set_ylabel("the net")
    if y.shape[1] > 1:
        axes.legend(frameon=False, fontsize=8)
    tidy(axes)
    return png(made)


@drawn
def picture_rows(rows: Mapping[str, Array], named: bool = True) -> bytes:
    """Pictures in rows, those of one column belonging together.

    Args:
        rows: name -> pictures (n, C, H, W) in [0, 1], all of one height and width.
        named: whether the names stand in front of the rows.
    """
    height, width = next(iter(rows.values())).shape[2:]
    across, gap = max(map(len, rows.values())), max(1, height // 14)
    sheet = np.ones((gap + len(rows) * (height + gap), gap + across * (width + gap), 3))
    for i, images in enumerate(rows.values()):
        top = gap + i * (height + gap)
        for j, image in enumerate(images):
            left = gap + j * (width + gap)
            sheet[top - 1 : top + height + 1, left - 1 : left + width + 1] = 0.75  # its frame
            sheet[top : top + height, left : left + width] = image.transpose(1, 2, 0)
    made = figure(0.9 * across + (0.7 if named else 0.1), 0.9 * len(rows) + 0.1)
    axes = made.subplots()  # one for all: a hundred would take seconds
    axes.imshow(sheet, interpolation="nearest")
    axes.spines[:].set_visible(False)
    axes.set_xticks([])
    names = list(rows) if named else []
    axes.set_yticks([gap + height / 2 + i * (height + gap) for i in range(len(names))], names, fontsize=9)
    axes.tick_params(length=0)
    return png(made)


def picture(image: Array) -> bytes:
    """A picture (C, H, W) in [0, 1], pixel by pixel."""
    from PIL import Image

    file = BytesIO()
    Image.fromarray(np.rint(255 * np.clip(_picture(image), 0, 1)).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def is_picture(shape: Shapes) -> bool:
    """Whether examples of this shape can be drawn: (C, H, W) with one channel or three.

    >>> is_picture((1, 28, 28)), is_picture((28, 28)), is_picture((2, 28, 28))
    (True, False, False)
    """
    return is_floats(shape) and isinstance(shape, tuple) and len(shape) == 3 and shape[0] in (1, 3)


def in_range(image: Array) -> Array:
    """A picture in [0, 1]: as it is, or where it leaves that, as centred pixels do, from its least to its greatest.

    >>> in_range(np.array([0.0, 0.5])), in_range(np.array([-1.0, 0.0, 3.0]))
    (array([0. , 0.5]), array([0.  , 0.25, 1.  ]))
    """
    least, most = float(image.min()), float(image.max())
    return image if least >= 0 and most <= 1 else (image - least) / ((most - least) or 1)


def _picture(image: Array) -> Array:
    """(C, H, W) as matplotlib wants it."""
    return image[0] if image.shape[0] == 1 else in_range(image).transpose(1, 2, 0)


def _percent(p: float) -> str:
    """A probability in few letters.

    >>> _percent(0.5), _percent(0.9999), _percent(0.00001)
    ('50 %', '>99 %', '<1 %')
    """
    return "<1 %" if p < 0.01 else ">99 %" if p > 0.99 else f"{100 * p:.0f} %"
