"""What a run tells: a bar with loss, accuracy and the time left where there is one, and one line an epoch."""

import time
from collections.abc import Mapping

from fnnet.runs.display import Display
from fnnet.runs.measure import Measure, loss_text
from fnnet.runs.trainer import Position
from fnnet.words import duration, in_lines

LINES = 100  # of epochs, at most


class Progress:
    """Tells of one run.

    Args:
        display: where.
        measure: told beside the loss.
        steps, epochs: of the whole run.
        start: steps that were done before.
    """

    def __init__(self, display: Display, measure: Measure, steps: int, epochs: int, start: int = 0):
        self._display = display
        self._measure = measure
        self._steps = steps
        self._epochs = epochs
        self._start = start
        self._clock = time.perf_counter()

    def step(self, at: Position) -> None:
        """A step is done, and training stands here."""
        done = at.state.step
        if not self._display.due and not (self._display.live and done == self._steps):
            return
        spent = time.perf_counter() - self._clock
        left = duration(spent / max(1, done - self._start) * (self._steps - done))
        figures = [
            f"loss {loss_text(at.mean('loss'))}",
            self._measure.told(at.mean(self._measure.name)),
            f"{at.examples / at.seconds:,.0f} examples/s",
        ]
        before = f"epoch {at.epoch + 1}/{self._epochs}"
        self._display.show(before, done, self._steps, f"{left} left", figures)

    def epoch(self, row: Mapping[str, float]) -> None:
        """An epoch is done; `row` is its line of metrics.jsonl. Of very many, some are told."""
        every = -(-self._epochs // LINES)
        if row["epoch"] % every == 0 or row["epoch"] in (1, self._epochs):
            self._display.note(epoch_line(row, self._measure, self._epochs, self._display.width))


def epoch_line(row: Mapping[str, float], measure: Measure, epochs: int, width: int | None = None) -> str:
    """One epoch in a line, or in several of at most `width` letters, which break between figures.

    >>> from fnnet.runs.kinds.classes import ACCURACY
    >>> row = dict(epoch=3, train_loss=0.05, train_accuracy=0.98, test_accuracy=0.985, seconds=7.0)
    >>> epoch_line({**row, "examples_per_second": 8000.0}, ACCURACY, 10)
    'epoch  3/10  train loss 0.0500  train accuracy 98.00 %  test accuracy 98.50 %  8,000 examples/s  7.0 s'
    """
    parts = [f"epoch {row['epoch']:{len(str(epochs))}}/{epochs}", f"train loss {loss_text(row['train_loss'])}"]
    told = [part for part in ("train", "validation", "test") if f"{part}_{measure.name}" in row]
    parts += [f"{part} {measure.told(row[f'{part}_{measure.name}'])}" for part in told]
    parts += [f"{row['examples_per_second']:,.0f} examples/s", f"{row['seconds']:.1f} s"]
    return in_lines(parts, width)
