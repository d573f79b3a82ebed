"""What is done of all runs of some studies, and the time left."""

import time
from collections.abc import Sequence

from fnnet.runs.display import Display
from fnnet.words import duration


class Board:
    """What is done of all runs, weighed by the time each was expected to take. Runs are made stage by stage.

    Args:
        workers: how many runs are made at once.
        display: where to tell.
    """

    def __init__(self, workers: int, display: Display):
        self._workers = workers
        self._display = display
        self._costs: Sequence[float] = ()
        self._later: Sequence[float] = ()
        self._parts: list[float] = []
        self._past = 0.0  # cost of the stages before
        self._all = self._finished = 0
        self._start = time.monotonic()

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
        self._show()

    def advance(self, job: int, part: float) -> None:
        """So much of a run is done."""
        self._parts[job] = part
        if self._display.due:
            self._show()

    def finish(self, job: int, text: str) -> None:
        """A run is over, well or not."""
        self._parts[job] = 1.0
        self._finished += 1
        left = "" if self._display.live else f"; {self._left()} left"
        self._display.note(f"[{self._finished}/{self._all}] {text}{left}")
        self._show()

    def _work(self) -> tuple[float, float]:
        """What is done, and all."""
        done = sum(part * cost for part, cost in zip(self._parts, self._costs, strict=True))
        return self._past + done, self._past + sum(self._costs) + sum(self._later)

    def _left(self) -> str:
        done, whole = self._work()
        if done < 0.01 * whole:
            return f"about {duration((whole - done) / self._workers)}"
        return f"about {duration((time.monotonic() - self._start) * (whole - done) / done)}"

    def _show(self) -> None:
        if self._display.live:
            self._display.show(f"{self._finished}/{self._all} runs", *self._work(), f"{self._left()} left")
