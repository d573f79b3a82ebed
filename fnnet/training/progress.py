"""`progress`: a line for every epoch of a stream, as wide as the terminal is."""

import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TextIO, TypeVar

from fnnet import streams
from fnnet.words import duration, in_lines

Item = TypeVar("Item", bound=tuple[Any, ...])  # (state, row), and perhaps more behind them


def progress(stream: Iterable[Item], epochs: int | None = None, *, to: TextIO | None = None) -> Iterator[Item]:
    """Say a line for every item of a stream, and hand it on.

    Args:
        stream: `(state, row)`, see `fit`.
        epochs: of the whole training, to say how far it is and how long it still takes.
        to: where to; standard output by default. A terminal's lines are broken between figures, never inside one.

    >>> rows = [(None, {"epoch": 1, "step": 45, "loss": 0.51, "validation_accuracy": 0.975, "seconds": 2.0})]
    >>> for state, row in progress(rows, 10):
    ...     pass
    epoch  1/10  loss 0.5100  validation accuracy 0.9750  2.0 s  18.0 s left
    """
    spent = done = 0
    for item in stream:
        row = item[1]
        spent, done = spent + row["seconds"], done + 1
        parts = [*figures(row, epochs), duration(row["seconds"])]
        if epochs is not None and row["epoch"] < epochs:
            parts.append(f"{duration(spent / done * (epochs - row['epoch']))} left")
        _say(parts, sys.stdout if to is None else to)
        yield item
        del item  # who asks for the next may have let it go


def _say(parts: list[str], out: TextIO | None) -> None:
    """One epoch, if there still is somebody to be told: a training does not end because its reader does."""
    if out is None:  # standard output was closed when the program began
        return
    try:
        print(in_lines(parts, shutil.get_terminal_size().columns if out.isatty() else None), file=out, flush=True)
    except BrokenPipeError:
        streams.forget(out)


def figures(row: Mapping[str, Any], epochs: int | None = None) -> list[str]:
    """A row in words: the epoch, and every number that was measured."""
    number = f"{row['epoch']}" if epochs is None else f"{row['epoch']:{len(str(epochs))}}/{epochs}"
    measured = [
        f"{name.replace('_', ' ')} {_number(value)}"
        for name, value in row.items()
        if name not in ("epoch", "step", "seconds") and isinstance(value, int | float)
    ]
    return [f"epoch {number}", *measured]


def _number(value: float) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e6 else f"{value:.3g}"
