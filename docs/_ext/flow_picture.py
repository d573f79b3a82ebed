"""A picture of how data move: which elements of x one element of y reads, and with which slope, as SVG in a page."""

from collections.abc import Iterator
from html import escape

import numpy as np

from fnnet.explain import Explanation, Reads

CELL, GAP, ROOM = 48, 14, 90  # sides of a cell, between channels, and for the arrow; in pixels
MOST = 24  # columns of a picture that can still be read


def picture(told: Explanation) -> str:
    """One panel for each reading, one below the other; "" where there is nothing to draw."""
    panels = [panel for reading in told.readings if (panel := _panel(told, reading))]
    return "\n".join(panels)


def _panel(told: Explanation, reading: Reads) -> str:
    x, y = np.asarray(told.case.x), np.asarray(told.found["y"])
    left, right = _blocks(x), _blocks(y)
    slopes = _blocks(reading.slopes)
    chosen = np.zeros_like(y)
    chosen[reading.index] = 1
    marks = _blocks(chosen)
    columns = sum(block.shape[1] for block in (*left, *right))
    if columns > MOST or max(len(block) for block in (*left, *right)) > 12:
        return ""
    largest = float(np.abs(reading.slopes).max()) or 1.0
    height = max(len(block) for block in (*left, *right)) * CELL + 24
    cells, at = [], 1
    for block, slope in zip(left, slopes, strict=True):
        cells += _grid(block, slope / largest, at, height, slope)
        at += block.shape[1] * CELL + GAP
    middle = height / 2 + 10
    start, end = at + 4, at + ROOM - GAP - 6
    cells.append(f'<path class="arrow" d="M{start} {middle} H{end} m-8 -6 l8 6 l-8 6"/>')
    at += ROOM
    for block, mark in zip(right, marks, strict=True):
        cells += _grid(block, mark * 0.0, at, height, mark, ring=True)
        at += block.shape[1] * CELL + GAP
    words = f"y{list(reading.index)} reads the coloured elements of x; small: its derivative by each"
    head = f'<text class="name" x="2" y="14">x</text><text class="name" x="{_width(left) + ROOM}" y="14">y</text>'
    return (
        f'<figure class="flow"><svg viewBox="0 0 {at} {height}" width="{at}" role="img" aria-label="{escape(words)}">'
        f"{head}{''.join(cells)}</svg><figcaption>{escape(words)}</figcaption></figure>"
    )


def _blocks(array: np.ndarray) -> list[np.ndarray]:
    """An array as tables side by side: the channels of the first image, or a batch of features as it is."""
    if array.ndim == 4:
        return list(array[0])
    if array.ndim == 3:
        return [array[0]]
    return [array.reshape(len(array), -1) if array.ndim > 1 else array[None]]


def _width(blocks: list[np.ndarray]) -> int:
    return sum(block.shape[1] * CELL + GAP for block in blocks)


def _grid(
    values: np.ndarray, tints: np.ndarray, left: float, height: float, slopes: np.ndarray, ring: bool = False
) -> Iterator[str]:
    """The cells of a table: its numbers, tinted; where there is a slope it stands below the number."""
    top = (height - 24 - len(values) * CELL) / 2 + 22
    for i, j in np.ndindex(*values.shape):
        at_x, at_y = left + j * CELL, top + i * CELL
        kind = "ring" if ring and slopes[i, j] else "down" if tints[i, j] < 0 else "up"
        opacity = 1 if kind == "ring" else round(0.15 + 0.6 * abs(float(tints[i, j])), 2) if tints[i, j] else 0
        yield f'<rect class="cell" x="{at_x}" y="{at_y}" width="{CELL}" height="{CELL}"/>'
        if opacity:
            inner = f'x="{at_x}" y="{at_y}" width="{CELL}" height="{CELL}"'
            yield f'<rect class="{kind}" {inner} opacity="{opacity}"/>'
        lift = 4 if tints[i, j] else 0
        word = f"{values[i, j] + 0.0:.2g}"
        yield f'<text x="{at_x + CELL / 2}" y="{at_y + CELL / 2 + 4 - lift}">{word}</text>'
        if tints[i, j]:
            yield f'<text class="slope" x="{at_x + CELL / 2}" y="{at_y + CELL - 6}">{slopes[i, j]:.2g}</text>'
