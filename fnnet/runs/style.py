"""How all figures look: small PNGs, axes with units, series that differ in black and white too."""

import os
from collections.abc import Callable, Sequence
from functools import cache, wraps
from importlib import import_module
from io import BytesIO
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypedDict

import numpy as np

if TYPE_CHECKING:  # matplotlib is imported by what draws
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")

DPI = 200  # fine enough for screens with two dots a pixel and for print
COLOURS = 256  # in a palette: figures are line art, and small files are asked for


FAMILY = "DejaVu Sans"  # matplotlib's family, there wherever it is, in every weight

# Families that have letters which it lacks; the first that is installed is used for them.
WIDER = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei"),
    *("PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "SimHei", "Arial Unicode MS"),
)


class Series(TypedDict):
    """How the points of a series are drawn."""

    color: str
    linestyle: str | tuple[int, tuple[int, ...]]
    marker: str


# Colour, dash and marker all differ, so that a print without colour still tells series apart; shades go dark to light.
SERIES: tuple[Series, ...] = (
    {"color": "#1b1b3a", "linestyle": "-", "marker": "o"},
    {"color": "#c1440e", "linestyle": "--", "marker": "s"},
    {"color": "#3a7ca5", "linestyle": "-.", "marker": "^"},
    {"color": "#e0a030", "linestyle": ":", "marker": "D"},
    {"color": "#5f8f3a", "linestyle": (0, (6, 2)), "marker": "v"},
    {"color": "#bb8ed4", "linestyle": (0, (3, 1, 1, 1, 1, 1)), "marker": "x"},
    {"color": "#7f7f7f", "linestyle": (0, (1, 3)), "marker": "+"},
    {"color": "#7a1f3d", "linestyle": (0, (8, 3, 2, 3)), "marker": "P"},
)


def drawn(draw: Callable[P, bytes]) -> Callable[P, bytes]:
    """The same function, under matplotlib's own settings whatever a matplotlibrc says; what is set stays set."""

    @wraps(draw)
    def plainly(*args: P.args, **kwargs: P.kwargs) -> bytes:
        matplotlib = _matplotlib()
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams["font.family"] = _families()
            return draw(*args, **kwargs)

    return plainly


def _matplotlib() -> ModuleType:
    """matplotlib, which is not to be had where MPLBACKEND names a notebook's backend that this Python lacks.

    Figures here need none, so it is then imported without, and the variable stays as it is.
    """
    try:
        return import_module("matplotlib")
    except ValueError:
        named = os.environ.pop("MPLBACKEND", None)
        if named is None:
            raise
        try:
            return import_module("matplotlib")
        finally:
            os.environ["MPLBACKEND"] = named


@cache
def _families() -> list[str]:
    """Where letters are looked for, in order."""
    from matplotlib import font_manager

    there = {font.name for font in font_manager.fontManager.ttflist}
    return [FAMILY, *[name for name in WIDER if name in there][:1]]


def legible(names: Sequence[str]) -> list[str]:
    r"""Names as figures can write them: a letter that no font here has is told by its code point.

    >>> legible(["seven", "ä", "\ue000"])
    ['seven', 'ä', 'U+E000']
    """
    from matplotlib import font_manager

    fonts = [font_manager.get_font(font_manager.findfont(family)) for family in _families()]

    def written(letter: str) -> str:
        known = letter.isspace() or any(font.get_char_index(ord(letter)) for font in fonts)
        return letter if known else f"U+{ord(letter):04X}"

    return ["".join(map(written, name)) for name in names]


def figure(width: float, height: float, layout: Literal["constrained"] | None = "constrained") -> "Figure":
    """An empty figure of that many inches, without pyplot's global state."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=DPI, layout=layout)


def png(made: "Figure") -> bytes:
    """The bytes of a figure, of few colours and without a date, so that equal figures are equal files."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    small = BytesIO()
    canvas: Any = FigureCanvasAgg(made)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    picture.quantize(COLOURS, method=Image.Quantize.MEDIANCUT).save(small, "PNG", optimize=True, dpi=(DPI, DPI))
    return small.getvalue()


def tidy(axes: "Axes", along: Literal["x", "y"] = "y") -> None:
    """Two spines, and a light grid to read values of one axis."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=along, color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
