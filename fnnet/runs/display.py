"""One display for all that takes time: lines, and on a terminal a bar below them with the time left."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from fnnet import streams

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

REFRESH = 0.5  # seconds between two looks of the bar
_BAR = 10  # letters of a bar that says something


class Display:
    """Says lines, and keeps a bar where there is one.

    Args:
        stream: where lines go without a bar.
        bar: rich's bar and its task; None where there is no terminal.
    """

    def __init__(self, stream: TextIO, bar: "tuple[Progress, TaskID] | None" = None):
        self._stream = stream
        self._bar = bar
        self._shown = time.perf_counter()

    @property
    def live(self) -> bool:
        """Whether there is a bar."""
        return self._bar is not None

    @property
    def width(self) -> int | None:
        """Letters that fit into a line; None where lines have no end."""
        return self._bar[0].console.width if self._bar else None

    @property
    def due(self) -> bool:
        """Whether there is a bar that has not been refreshed for a while."""
        return self._bar is not None and time.perf_counter() - self._shown >= REFRESH

    def note(self, text: str) -> None:
        """Say one line."""
        if self._bar:
            self._bar[0].console.print(text, soft_wrap=True)
            return
        try:
            print(text, file=self._stream, flush=True)
        except BrokenPipeError:  # who read has gone; what takes time goes on
            streams.forget(self._stream)

    def show(self, before: str, done: float, total: float, left: str, figures: Sequence[str] = ()) -> None:
        """Refresh the bar, if there is one: how much is done of all, with words on both sides.

        Args:
            before: in front of the bar.
            done, total: how much is done of all.
            left: the time left, which is always shown.
            figures: shown in front of it, as many from the first as there is room for beside a bar of some length.
        """
        if self._bar:
            bar, task = self._bar
            room = bar.console.width - len(before) - _BAR - len(" 100%") - 3
            behind = left
            for shown in range(1, len(figures) + 1):
                words = "  ".join([*figures[:shown], left])
                if len(words) > room:
                    break
                behind = words
            bar.update(task, completed=done, total=total, before=before, behind=behind, refresh=True)
            self._shown = time.perf_counter()


@contextmanager
def display(stream: TextIO | None = None) -> Iterator[Display]:
    """The right display for where `stream` (standard output) goes."""
    stream = sys.stdout if stream is None else stream
    if not stream.isatty():
        yield Display(stream)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (
        TextColumn("{task.fields[before]}", markup=False),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TextColumn("{task.fields[behind]}", markup=False),
    )
    # Refreshed from here and not by rich's own thread, which would take turns with the arithmetic.
    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    with Progress(*columns, console=console, auto_refresh=False, expand=True) as bar:
        yield Display(stream, (bar, bar.add_task("", total=1.0, before="", behind="")))
