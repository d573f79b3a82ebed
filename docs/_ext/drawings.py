"""Pictures of single layers, of the numbers of small cases: masks, gates, lattices, windows, rows, norms."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from flow_picture import CELL, GAP, Side, figure, panel, reads, writes

from fnnet.explain import Explanation, explained
from fnnet.types import Discrete

NODE = 22  # radius of a circle


def drawing(name: str) -> str:
    """The picture on the page of a layer or loss, "" where it has none.

    >>> drawing("relu")
    ''
    """
    return "\n".join(draw() for draw in DRAWINGS.get(name, ()))


def made(told: Explanation) -> dict[str, Any]:
    """All arrays of a derivation by name."""
    return {name: array for step in told.steps for name, array in step.made.items()}


# Windows


def _reading(net: str, shape: Any, which: int = 0) -> Callable[[], str]:
    """What an output reads, of another net than the page's own."""

    def draw() -> str:
        told = explained(net, shape)
        return reads(told, told.readings[which]).replace("<figcaption>", f"<figcaption><code>{net}</code>: ")

    return draw


def _writing(net: str, shape: Any, index: tuple[int, ...]) -> Callable[[], str]:
    """Where an element of x goes."""

    def draw() -> str:
        return writes(explained(net, shape), index).replace("<figcaption>", f"<figcaption><code>{net}</code>: ")

    return draw


def _window(net: str, shape: Any) -> Callable[[], str]:
    """The window of a max-pool: all elements that could win, were they larger; of them the one that did."""

    def draw() -> str:
        told = explained(net, shape)
        x, reading = np.asarray(told.case.x), told.readings[0]
        looked_at = np.zeros_like(x)
        for at in np.ndindex(x.shape):
            larger = x.copy()
            larger[at] = np.abs(x).max() + 1
            looked_at[at] = told.case.net.apply(told.case.params, larger)[0][reading.index] == larger[at]
        y = np.asarray(told.found["y"])
        chosen = np.zeros_like(y)
        chosen[reading.index] = 1
        marks = np.where(reading.slopes != 0, 1.0, 0.35 * looked_at)
        words = f"{net}: y{list(reading.index)} looks at the coloured elements and takes the largest, the darkest"
        return panel(Side("x", x, marks, False, small=False), Side("y", y, chosen, True), words)

    return draw


# Tables


def _cells(
    values: np.ndarray, left: float, top: float, tints: np.ndarray, words: np.ndarray | None = None
) -> Iterator[str]:
    """Numbers in cells that are tinted by how large they are; NaN is a dot, where nothing may be."""
    largest = float(np.nanmax(np.abs(tints))) or 1.0
    for i, j in np.ndindex(*values.shape):
        x, y = left + j * CELL, top + i * CELL
        box = f'x="{x:g}" y="{y:g}" width="{CELL}" height="{CELL}"'
        yield f'<rect class="cell" {box}/>'
        tint = float(tints[i, j])
        if np.isfinite(tint) and tint:
            kind, depth = ("up" if tint > 0 else "down"), 0.08 + 0.67 * abs(tint) / largest
            yield f'<rect class="{kind}" {box} opacity="{depth:.2f}"/>'
        word = words[i, j] if words is not None else "·" if np.isnan(values[i, j]) else f"{values[i, j] + 0.0:.2g}"
        yield _word(x + CELL / 2, y + CELL / 2 + 4, word)


def _word(x: float, y: float, word: Any, kind: str = "") -> str:
    return f'<text{f" class={chr(34)}{kind}{chr(34)}" if kind else ""} x="{x:g}" y="{y:g}">{word}</text>'


def _shares(net: str, words: str) -> Callable[[], str]:
    """Who looks at whom: the shares of attention's first head, a row for each step that asks."""

    def draw() -> str:
        told = explained(net, (4, 2))
        shares = made(told)["shares"][0, 0]
        t, left, top = len(shares), 84, 44
        seen = np.where(shares == 0, np.nan, shares)
        parts = [_word(left + t * CELL / 2, 14, "is looked at: step")]
        for k in range(t):
            parts.append(_word(left + (k + 0.5) * CELL, 34, k))
            parts.append(_word(left - 14, top + (k + 0.5) * CELL + 4, k))
        parts.append(_word(34, top + t * CELL / 2 + 4, "asks"))
        parts += _cells(seen, left, top, np.nan_to_num(seen))
        return figure(left + t * CELL + 4, top + t * CELL + 4, parts, f"{net}: {words}")

    return draw


def _rows() -> str:
    """The rows that ids pick from a table."""
    told = explained("embedding", Discrete((3,)))
    ids, table, y = np.asarray(told.case.x)[0], np.asarray(told.inputs["x"]), np.asarray(told.found["y"])[0]
    weight = np.asarray(told.case.params.weight)
    n, top = weight.shape[1], 28
    picked = np.isin(np.arange(len(weight)), ids)
    at_table, at_y = 150, 150 + n * CELL + 130
    parts = [_word(24, 16, "ids", "name"), _word(at_table, 16, "weight", "name"), _word(at_y, 16, "y", "name")]
    parts += _cells(table.reshape(-1, 1), 14, top, np.zeros((len(ids), 1)), table.reshape(-1, 1).astype(str))
    parts += _cells(weight, at_table, top, np.repeat(picked[:, None] * 1.0, n, axis=1))
    parts += _cells(y, at_y, top, np.full(y.shape, 1.0))
    for k, i in enumerate(ids):
        from_id, row, to = top + (k + 0.5) * CELL, top + (i + 0.5) * CELL, top + (k + 0.5) * CELL
        parts.append(f'<path class="arrow" d="M{14 + CELL + 4} {from_id} L{at_table - 4} {row}"/>')
        parts.append(f'<path class="arrow" d="M{at_table + n * CELL + 4} {row} L{at_y - 4} {to}"/>')
    height = top + max(len(weight), len(ids)) * CELL + 4
    return figure(
        at_y + n * CELL + 4, height, parts, "each id picks its row of the table; a row may be picked often, or never"
    )


def _measured(
    net: str, words: str, axis: str = "channel", shape: tuple[int, ...] = (4, 3), mode: str | None = None
) -> Callable[[], str]:
    """Which numbers a norm brings to mean 0 and variance 1 together: those that one output reads."""

    def draw() -> str:
        told = explained(net, shape, batch=3, mode=mode)
        x = np.asarray(told.case.x)
        _, vjp = told.case.net.apply(told.case.params, told.case.x)
        unit = np.zeros_like(x)
        unit[(0, 1, *[0] * (x.ndim - 3), 1)] = 1
        n, c, length = len(x), x.shape[1], x.shape[-1]
        together = (np.abs(vjp(unit)[1]) > 0).reshape(n, c, length)
        side, left, top = 26, 92, 40
        parts = [_word(left + (length * side + GAP) * k + length * side / 2, 18, f"{axis} {k}") for k in range(c)]
        for i in range(n):
            parts.append(_word(42, top + i * (side + 10) + 18, f"example {i}"))
            for k, t in np.ndindex(c, length):
                at_x, at_y = left + k * (length * side + GAP) + t * side, top + i * (side + 10)
                box = f'x="{at_x}" y="{at_y}" width="{side}" height="{side}"'
                parts.append(f'<rect class="cell" {box}/>')
                if together[i, k, t]:
                    parts.append(f'<rect class="up" {box} opacity="0.6"/>')
        parts.append(
            f'<rect class="ring" x="{left + length * side + GAP + side}" y="{top}" width="{side}" height="{side}"/>'
        )
        return figure(left + c * (length * side + GAP), top + n * (side + 10), parts, f"{net} of {x.shape}: {words}")

    return draw


# Gates


def _gates(net: str, rows: Mapping[str, Callable[[dict[str, Any], int], Any]], words: str) -> Callable[[], str]:
    """What a recurrent cell's gates and states are, step by step."""

    def draw() -> str:
        told = explained(net, (5, 1))
        found = made(told)
        values = np.array([[float(row(found, t)[0, 0]) for t in range(5)] for row in rows.values()])
        left, top = 120, 40
        parts = [_word(left + (t + 0.5) * CELL, 28, f"step {t}") for t in range(5)]
        parts += [_word(left - 8 - 50, top + (k + 0.5) * CELL + 4, name) for k, name in enumerate(rows)]
        parts += _cells(values, left, top, values)
        return figure(left + 5 * CELL + 4, top + len(rows) * CELL + 4, parts, f"{net}: {words}")

    return draw


def _cell(x: float, y: float, word: str, kind: str = "cell") -> str:
    return f'<circle class="{kind}" cx="{x:g}" cy="{y:g}" r="{NODE}"/>{_word(x, y + 4, word)}'


def _edge(a: tuple[float, float], b: tuple[float, float]) -> str:
    """An arrow from circle to circle."""
    (x, y), (u, v) = np.array(a, float), np.array(b, float)
    along = np.array([u - x, v - y])
    along = along / np.hypot(*along)
    (sx, sy), (ex, ey) = np.array([x, y]) + along * (NODE + 1), np.array([u, v]) - along * (NODE + 2)
    across = np.array([-along[1], along[0]])
    head = [np.array([ex, ey]) - along * 8 + across * 4 * way for way in (1, -1)]
    (ax, ay), (bx, by) = head
    tip = f"M{ax:.1f} {ay:.1f} L{ex:.1f} {ey:.1f} L{bx:.1f} {by:.1f}"
    return f'<path class="arrow" d="M{sx:.1f} {sy:.1f} L{ex:.1f} {ey:.1f} {tip}"/>'


def _wired(
    name: str, nodes: Callable[[dict[str, Any]], Mapping[str, tuple[float, float, str]]], edges: str, words: str
) -> Callable[[], str]:
    """The inside of a cell with its numbers: circles by name, edges as `a>b`."""

    def draw() -> str:
        told = explained(name)
        numbers = made(told) | dict(told.inputs)
        found = nodes(
            {key: float(np.asarray(value).flat[0]) for key, value in numbers.items() if np.asarray(value).size}
        )
        parts = [_edge(found[a][:2], found[b][:2]) for a, b in (edge.split(">") for edge in edges.split())]
        parts += [_cell(x, y, word.split("\n")[0]) for x, y, word in found.values()]
        parts += [_word(x, y + NODE + 13, word.split("\n")[1]) for x, y, word in found.values() if "\n" in word]
        width, height = (max(at) + NODE for at in zip(*((x, y) for x, y, _ in found.values()), strict=True))
        return figure(width + 32, height + 22, parts, words)

    return draw


def _of_lstm(v: dict[str, Any]) -> dict[str, tuple[float, float, str]]:
    return {
        "c": (40, 40, f"{v['c']:.2g}\nc"),
        "keep": (150, 40, f"×\nf = {v['f']:.2g}"),
        "plus": (290, 40, "+"),
        "after": (480, 40, f"{v['y[0][1]']:.2g}\nc′"),
        "in": (290, 150, f"×\ni = {v['i']:.2g}"),
        "g": (180, 150, f"{v['g']:.2g}\ng"),
        "bent": (400, 150, "tanh"),
        "show": (480, 220, f"×\no = {v['o']:.2g}"),
        "h": (590, 220, f"{v['y[1]']:.2g}\nh′"),
    }


def _of_gru(v: dict[str, Any]) -> dict[str, tuple[float, float, str]]:
    return {
        "h": (40, 40, f"{v['h']:.2g}\nh"),
        "keep": (260, 40, f"×\nz = {v['z']:.2g}"),
        "plus": (470, 40, "+"),
        "after": (580, 40, f"{v['y[1]']:.2g}\nh′"),
        "a": (110, 150, f"{v['a']:.2g}\na"),
        "reset": (220, 150, f"×\nr = {v['r']:.2g}"),
        "new": (340, 150, f"{v['new']:.2g}\nnew"),
        "let": (470, 150, f"×\n1 - z = {1 - v['z']:.2g}"),
    }


# The lattice of CTC


def _lattice() -> str:
    """All ways to lay labels along steps: where a path may be and go, tinted by how likely it was there."""
    told = explained("ctc", (5, 3))
    found = made(told)
    there, moves, alpha, beta = found["there"][0], found["moves"][0], found["alpha"][0], found["beta"][0]
    places, (steps, count) = found["places"][0], there.shape
    wide, tall, left, top = 92, 62, 84, 46
    spot = {(t, s): (left + t * wide, top + s * tall) for t in range(steps) for s in range(count)}
    on_a_way = (alpha > 0) & (beta > 0)
    parts = [_word(left + t * wide, 16, f"step {t}") for t in range(steps)]
    parts += [_word(34, top + s * tall + 4, f"label {k}" if k else "blank") for s, k in enumerate(places)]
    for t in range(steps - 1):
        for s, r in np.argwhere(moves > 0):
            if on_a_way[t, s] and on_a_way[t + 1, r]:
                parts.append(_edge(spot[t, s], spot[t + 1, r]))
    for (t, s), (x, y) in spot.items():
        if on_a_way[t, s]:
            parts.append(f'<circle class="up" cx="{x}" cy="{y}" r="{NODE}" opacity="{0.06 + 0.7 * there[t, s]:.2f}"/>')
            parts.append(_cell(x, y, f"{there[t, s]:.2f}"))
        else:
            parts.append(f'<circle class="cell" cx="{x}" cy="{y}" r="3"/>')
    words = (
        "all ways from left to right spell the labels; in a circle how likely the path was there: each step sums to 1"
    )
    return figure(left + (steps - 1) * wide + NODE + 8, top + (count - 1) * tall + NODE + 8, parts, words)


_NORM = "what is coloured is measured together for the ringed element"
_LSTM_ROWS = MappingProxyType(
    {
        "i lets in": lambda found, t: found[f"gates[{t}][0]"],
        "f keeps": lambda found, t: found[f"gates[{t}][1]"],
        "g is new": lambda found, t: found[f"gates[{t}][2]"],
        "o shows": lambda found, t: found[f"gates[{t}][3]"],
        "c": lambda found, t: found[f"c[{t + 1}]"],
        "h": lambda found, t: found[f"h[{t + 1}]"],
    }
)
_GRU_ROWS = MappingProxyType(
    {
        "r looks": lambda found, t: found[f"kept[{t}][0]"],
        "z keeps": lambda found, t: found[f"kept[{t}][1]"],
        "new": lambda found, t: found[f"kept[{t}][3]"],
        "h": lambda found, t: found[f"h[{t + 1}]"],
    }
)
_LSTM_EDGES = "c>keep keep>plus g>in in>plus plus>after plus>bent bent>show show>h"
_GRU_EDGES = "h>keep keep>plus plus>after h>a a>reset reset>new new>let let>plus"

DRAWINGS: Mapping[str, tuple[Callable[[], str], ...]] = MappingProxyType(
    {
        "attention": (
            _shares("attention(1)", "each row sums to 1"),
            _shares("attention(1, causal=True)", "a dot is what the mask hides, the steps to come"),
        ),
        "lstm_cell": (
            _wired(
                "lstm_cell",
                _of_lstm,
                _LSTM_EDGES,
                "three gates: f on what is kept, i on what is new, o on what is shown",
            ),
        ),
        "gru_cell": (
            _wired(
                "gru_cell",
                _of_gru,
                _GRU_EDGES,
                "two gates: r on what is looked at, z between the old state and the new",
            ),
        ),
        "lstm": (_gates("lstm(1)", _LSTM_ROWS, "gates and states of five steps"),),
        "gru": (_gates("gru(1)", _GRU_ROWS, "gates and states of five steps"),),
        "ctc": (_lattice,),
        "embedding": (_rows,),
        "conv1d": (_reading("conv1d(1, 3, padding=1)", (1, 5)),),
        "conv2d": (_reading("conv2d(1, 2, dilation=2)", (1, 4, 4)), _reading("conv2d(1, 2, stride=2)", (1, 4, 4), 1)),
        "conv_transpose1d": (_writing("conv_transpose1d(1, 3, stride=2)", (1, 3), (0, 0, 1)),),
        "conv_transpose2d": (
            _writing("conv_transpose2d(1, 2)", (1, 2, 2), (0, 0, 0, 0)),
            _writing("conv_transpose2d(1, 2, stride=2)", (1, 2, 2), (0, 0, 0, 1)),
        ),
        "max_pool": (_window("max_pool(2)", (1, 4, 4)), _window("max_pool(2, stride=1, dilation=2)", (1, 4, 4))),
        "adaptive_max_pool": (_window("adaptive_max_pool(2)", (1, 3, 4)),),
        "upsample": (_writing("upsample(2)", (1, 2, 2), (0, 0, 0, 1)),),
        "pixel_shuffle": (
            _reading("pixel_shuffle(2)", (4, 2, 2)),
            _writing("pixel_shuffle(2)", (4, 2, 2), (0, 1, 0, 1)),
        ),
        "pixel_unshuffle": (_writing("pixel_unshuffle(2)", (1, 4, 4), (0, 0, 0, 3)),),
        "batch_norm": (_measured("batch_norm()", _NORM, shape=(4, 1, 3), mode="training"),),
        "layer_norm": (_measured("layer_norm()", _NORM, "step"),),
        "instance_norm": (_measured("instance_norm()", _NORM),),
        "group_norm": (_measured("group_norm(2)", _NORM),),
        "rms_norm": (_measured("rms_norm()", _NORM, "step"),),
    }
)
