"""How a run tells what it is doing: a live line on a terminal, one plain line an epoch elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TextIO

REFRESH = 0.5  # seconds between two looks of the live line


class Progress(Protocol):
    """What a run tells."""

    def note(self, text: str) -> None:
        """Say one line."""

    def step(self, done: int, epoch: int, loss: float, accuracy: float, rate: float) -> None:
        """So many steps are done; loss and accuracy are this epoch's so far, rate in examples per second."""

    def epoch(self, row: dict[str, Any]) -> None:
        """An epoch is done; `row` is its line of metrics.jsonl."""


@contextmanager
def progress(steps: int, epochs: int, start: int = 0, stream: TextIO | None = None) -> Iterator[Progress]:
    """The right way to tell for where `stream` (standard output) goes.

    Args:
        steps: of the whole run.
        epochs: of the whole run.
        start: steps done before.
        stream: where to tell.
    """
    stream = sys.stdout if stream is None else stream
    if not stream.isatty():
        yield Plain(epochs, stream)
        return
    with live(steps, epochs, start, stream) as telling:
        yield telling


def epoch_line(row: dict[str, Any], epochs: int) -> str:
    """One epoch in a line.

    >>> row = dict(epoch=3, train_loss=0.05, train_accuracy=0.98, test_accuracy=0.985, seconds=7.0)
    >>> epoch_line({**row, "examples_per_second": 8000.0}, 10)
    'epoch  3/10  train loss 0.0500  train accuracy 98.00 %  test accuracy 98.50 %  8,000 examples/s  7.0 s'
    """
    validation = f"validation accuracy {row['validation_accuracy']:.2%}  " if "validation_accuracy" in row else ""
    return (
        f"epoch {row['epoch']:{len(str(epochs))}}/{epochs}  train loss {row['train_loss']:.4f}  "
        f"train accuracy {row['train_accuracy']:.2%}  {validation}test accuracy {row['test_accuracy']:.2%}  "
        f"{row['examples_per_second']:,.0f} examples/s  {row['seconds']:.1f} s"
    ).replace("%", " %")


class Plain:
    """Lines for a file or a pipe."""

    def __init__(self, epochs: int, stream: TextIO):
        self._epochs = epochs
        self._stream = stream

    def note(self, text: str) -> None:
        """Say one line."""
        print(text, file=self._stream, flush=True)

    def step(self, done: int, epoch: int, loss: float, accuracy: float, rate: float) -> None:
        """Nothing: steps are too many for a file."""

    def epoch(self, row: dict[str, Any]) -> None:
        """Say one line."""
        self.note(epoch_line(row, self._epochs))


@contextmanager
def live(steps: int, epochs: int, start: int, stream: TextIO) -> Iterator[Progress]:
    """A bar on a terminal with loss, accuracy, examples per second and the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TextColumn("{task.fields[figures]}"),
        TimeRemainingColumn(compact=True),
        TextColumn("left"),
    )
    # Refreshed from here and not by rich's own thread, which would take turns with the arithmetic.
    with Bar(*columns, console=Console(file=stream), auto_refresh=False, expand=True) as bar:
        task = bar.add_task("", total=steps, completed=start, epoch=1, epochs=epochs, figures="")
        shown = time.perf_counter()

        class Live:
            def note(self, text: str) -> None:
                bar.console.print(text, markup=False, highlight=False, soft_wrap=True)

            def step(self, done: int, epoch: int, loss: float, accuracy: float, rate: float) -> None:
                nonlocal shown
                if time.perf_counter() - shown >= REFRESH or done == steps:
                    figures = f"loss {loss:.4f}  accuracy {100 * accuracy:.2f} %  {rate:,.0f} examples/s"
                    bar.update(task, completed=done, epoch=epoch, figures=figures, refresh=True)
                    shown = time.perf_counter()

            def epoch(self, row: dict[str, Any]) -> None:
                self.note(epoch_line(row, epochs))

        yield Live()
