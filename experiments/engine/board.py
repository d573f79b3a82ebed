"""One display for all runs: a bar with the time left on a terminal, a line a run elsewhere."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

REFRESH = 1.0  # seconds between two looks of the bar


def duration(seconds: float) -> str:
    """Seconds in words.

    >>> duration(8.23), duration(125), duration(8000)
    ('8.2 s', '2 min', '2 h 13 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


class Board:
    """What is done of all runs, weighed by the time each was expected to take. Runs are made stage by stage.

    Args:
        workers: how many runs are made at once.
        stream: where to tell.
        bar: rich's progress bar and its task; None where there is no terminal.
    """

    def __init__(self, workers: int, stream: TextIO, bar: Any = None):
        self._workers = workers
        self._stream = stream
        self._bar = bar
        self._costs: Sequence[float] = ()
        self._later: Sequence[float] = ()
        self._parts: list[float] = []
        self._past = 0.0  # cost of the stages before
        self._finished = 0
        self._start = self._shown = time.monotonic()

    def begin(self, costs: Sequence[float], later: Sequence[float] = ()) -> None:
        """A stage begins.

        Args:
            costs: expected seconds of each of its runs; of one that no other may run beside, times the workers.
            later: the same of the stages behind it.
        """
        self._past += sum(self._costs)
        self._costs, self._later = costs, later
        self._parts = [0.0] * len(costs)
        self._all = self._finished + len(costs) + len(later)
        self._show(at_once=True)

    def advance(self, job: int, part: float) -> None:
        """So much of a run is done."""
        self._parts[job] = part
        self._show()

    def finish(self, job: int, text: str) -> None:
        """A run is over, well or not."""
        self._parts[job] = 1.0
        self._finished += 1
        self.note(f"[{self._finished}/{self._all}] {text}" + ("" if self._bar else f"; {self._left()} left"))
        self._show(at_once=True)

    def note(self, text: str) -> None:
        """Say one line."""
        if self._bar:
            self._bar[0].console.print(text, markup=False, highlight=False)
        else:
            print(text, file=self._stream, flush=True)

    def _work(self) -> tuple[float, float]:
        """What is done, and all."""
        done = sum(part * cost for part, cost in zip(self._parts, self._costs, strict=True))
        return self._past + done, self._past + sum(self._costs) + sum(self._later)

    def _left(self) -> str:
        done, whole = self._work()
        if done < 0.01 * whole:
            return f"about {duration((whole - done) / self._workers)}"
        return f"about {duration((time.monotonic() - self._start) * (whole - done) / done)}"

    def _show(self, at_once: bool = False) -> None:
        if self._bar and (at_once or time.monotonic() - self._shown > REFRESH):
            self._shown = time.monotonic()
            bar, task = self._bar
            done, whole = self._work()
            about = {"runs": self._finished, "all": self._all, "left": self._left()}
            bar.update(task, completed=done, total=whole, **about, refresh=True)


@contextmanager
def board(workers: int, stream: TextIO | None = None) -> Iterator[Board]:
    """The right board for where `stream` (standard output) goes."""
    stream = sys.stdout if stream is None else stream
    if not stream.isatty():
        yield Board(workers, stream)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (
        TextColumn("{task.fields[runs]}/{task.fields[all]} runs"),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TextColumn("{task.fields[left]} left"),
    )
    with Progress(*columns, console=Console(file=stream), auto_refresh=False, expand=True) as bar:
        task = bar.add_task("", total=None, runs=0, all=0, left="?")
        yield Board(workers, stream, (bar, task))
