"""A picture of how data move: which elements of x one element of y reads, and with which slope, as SVG in a page."""

from collections.abc import Iterable, Iterator
from html import escape
from typing import NamedTuple

import numpy as np

from fnnet.explain import Explanation, Reads

CELL, GAP, ROOM = 48, 14, 90  # sides of a cell, between channels, and for the arrow; in pixels
MOST = 24  # columns of a picture that can still be read


class Side(NamedTuple):
    """One side of a panel.

    Args:
        name: what the array is called.
        values: its numbers.
        marks: of the same shape, 0 where nothing is marked.
        ring: whether what is marked is ringed; else it is tinted.
        small: whether the mark is written below the number.
    """

    name: str
    values: np.ndarray
    marks: np.ndarray
    ring: bool
    small: bool = True


def picture(told: Explanation) -> str:
    """One panel for each reading, one below the other; "" where there is nothing to draw."""
    return "\n".join(filter(None, (reads(told, reading) for reading in told.readings)))


def reads(told: Explanation, reading: Reads) -> str:
    """What one element of y reads."""
    y = np.asarray(told.found["y"])
    words = f"y{list(reading.index)} reads the coloured elements of x; small: its derivative by each"
    left = Side("x", np.asarray(told.case.x), reading.slopes, ring=False)
    return panel(left, Side("y", y, _unit(y, reading.index), ring=True), words)


def writes(told: Explanation, index: tuple[int, ...]) -> str:
    """Which elements of y read one element of x."""
    x, y = np.asarray(told.case.x), np.asarray(told.found["y"])
    _, vjp = told.case.net.apply(told.case.params, told.case.x)
    slopes = np.array([vjp(_unit(y, at))[1][index] for at in np.ndindex(y.shape)]).reshape(y.shape)
    words = f"x{list(index)} is written to the coloured elements of y; small: the derivative of each by it"
    return panel(Side("x", x, _unit(x, index), ring=True), Side("y", y, slopes, ring=False), words)


def _unit(like: np.ndarray, index: tuple[int, ...]) -> np.ndarray:
    """1 at an index, 0 elsewhere."""
    unit = np.zeros_like(like)
    unit[index] = 1
    return unit


def panel(left: Side, right: Side, words: str) -> str:
    """Two arrays and an arrow between them; "" where they are too large to be read."""
    blocks = [(side, _blocks(side.values), _blocks(side.marks)) for side in (left, right)]
    tables = [table for _, own, _ in blocks for table in own]
    if sum(table.shape[1] for table in tables) > MOST or max(map(len, tables)) > 12:
        return ""
    height = max(map(len, tables)) * CELL + 24
    cells, at = [], 1
    for side, own, marks in blocks:
        cells.append(f'<text class="name" x="{at + 1}" y="14">{side.name}</text>')
        largest = float(np.abs(side.marks).max()) or 1.0
        for table, mark in zip(own, marks, strict=True):
            cells += _grid(table, at, height, mark, largest, side)
            at += table.shape[1] * CELL + GAP
        if side is left:
            start, end, middle = at + 4, at + ROOM - GAP - 6, height / 2 + 10
            cells.append(f'<path class="arrow" d="M{start} {middle} H{end} m-8 -6 l8 6 l-8 6"/>')
            at += ROOM
    return figure(at, height, cells, words)


def figure(width: float, height: float, parts: Iterable[str], words: str) -> str:
    """A picture with what it says below it."""
    return (
        f'<figure class="flow"><svg viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img" '
        f'aria-label="{escape(words)}">{"".join(parts)}</svg><figcaption>{escape(words)}</figcaption></figure>'
    )


def _blocks(array: np.ndarray) -> list[np.ndarray]:
    """An array as tables side by side: the channels of the first image, or a batch of features as it is."""
    if array.ndim == 4:
        return list(array[0])
    if array.ndim == 3:
        return [array[0]]
    return [array.reshape(len(array), -1) if array.ndim > 1 else array[None]]


def _grid(
    values: np.ndarray, left: float, height: float, marks: np.ndarray, largest: float, side: Side
) -> Iterator[str]:
    """The cells of a table, those that are marked tinted or ringed."""
    top = (height - 24 - len(values) * CELL) / 2 + 22
    for i, j in np.ndindex(*values.shape):
        at_x, at_y, mark = left + j * CELL, top + i * CELL, float(marks[i, j])
        box = f'x="{at_x}" y="{at_y}" width="{CELL}" height="{CELL}"'
        yield f'<rect class="cell" {box}/>'
        if mark:
            kind = "ring" if side.ring else "down" if mark < 0 else "up"
            opacity = 1 if side.ring else round(0.15 + 0.6 * abs(mark) / largest, 2)
            yield f'<rect class="{kind}" {box} opacity="{opacity}"/>'
        small = mark != 0 and side.small and not side.ring
        yield f'<text x="{at_x + CELL / 2}" y="{at_y + CELL / 2 + 4 - 4 * small}">{values[i, j] + 0.0:.2g}</text>'
        if small:
            yield f'<text class="slope" x="{at_x + CELL / 2}" y="{at_y + CELL - 6}">{mark:.2g}</text>'
