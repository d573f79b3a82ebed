"""Pictures in a terminal: two pixels a character, in colours where there are any, else in shades of letters."""

from collections.abc import Iterator, Sequence

import numpy as np
from rich.cells import cell_len, set_cell_size
from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.text import Text

from fnnet.types import Array

SHADES = " .:-=+*#%@"  # from 0 to 1, where there are no colours
_UPPER_HALF = "▀"
_BETWEEN = 2  # columns between pictures


def rows(pictures: Array, titles: Sequence[str], console: Console) -> Iterator[Text]:
    """Lines that show pictures side by side, as many as the console is wide, each with its title above.

    Args:
        pictures: (N, C, H, W) in [0, 1], one channel or three.
        titles: N lines; what is longer than the console is cut.
        console: where they will be printed; only its width and colours count.
    """
    width = max(pictures.shape[-1], *(min(cell_len(title), console.width) for title in titles))
    across = max(1, (console.width + _BETWEEN) // (width + _BETWEEN))
    gap = Text(" " * _BETWEEN)
    for first in range(0, len(pictures), across):
        some = slice(first, first + across)
        yield gap.join(Text(set_cell_size(title, width)) for title in titles[some])
        for lines in zip(
            *(lines_of(one, width, console.color_system is not None) for one in pictures[some]), strict=True
        ):
            yield gap.join(lines)
        yield Text()


def lines_of(picture: Array, width: int, colours: bool) -> list[Text]:
    """One picture (C, H, W) in ⌈H / 2⌉ lines of `width` characters.

    >>> [line.plain for line in lines_of(np.array([[[0.0, 1.0], [0.0, 1.0]]]), 3, colours=False)]
    [' @ ']
    """
    pixels = np.clip(picture, 0, 1)
    if pixels.shape[1] % 2:
        pixels = np.concatenate([pixels, np.zeros_like(pixels[:, :1])], axis=1)
    lines = []
    for upper, lower in zip(pixels[:, ::2].transpose(1, 2, 0), pixels[:, 1::2].transpose(1, 2, 0), strict=True):
        if colours:
            line = Text.assemble(
                *((_UPPER_HALF, Style(color=_colour(a), bgcolor=_colour(b))) for a, b in zip(upper, lower, strict=True))
            )
        else:
            level = (upper.mean(axis=-1) + lower.mean(axis=-1)) / 2 * (len(SHADES) - 1)
            line = Text("".join(SHADES[round(float(value))] for value in level))
        line.pad_right(width - len(line))
        lines.append(line)
    return lines


def _colour(pixel: Array) -> Color:
    """Of a pixel (C,)."""
    red, green, blue = (round(255 * float(value)) for value in np.broadcast_to(pixel, 3))
    return Color.from_rgb(red, green, blue)
