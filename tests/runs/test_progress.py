"""What a run tells, on a terminal and elsewhere."""

import io
import time

from fnnet.runs import display as module
from fnnet.runs.display import display
from fnnet.runs.kinds.classes import ACCURACY
from fnnet.runs.progress import Progress
from fnnet.runs.trainer import Position
from fnnet.training import TrainState

ROW = {
    "epoch": 1,
    "train_loss": 0.25,
    "train_accuracy": 0.9,
    "test_accuracy": 0.95,
    "seconds": 2.0,
    "examples_per_second": 1000.0,
}


def at(step, epoch, loss, accuracy, rate):
    """A position after so many steps, its means and examples per second as given."""
    state = TrainState(step, None, None, None)
    return Position(state, epoch, 1, 1000, {"loss": 1000 * loss, "accuracy": 1000 * accuracy}, 1000 / rate, None)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_file_gets_a_line_an_epoch():
    stream = io.StringIO()
    with display(stream) as shown:
        telling = Progress(shown, ACCURACY, 100, 2)
        shown.note("begin")
        for step in range(100):
            telling.step(at(step + 1, 0, 0.5, 0.5, 10.0))
        telling.epoch(ROW)
    assert stream.getvalue() == (
        "begin\nepoch 1/2  train loss 0.2500  train accuracy 90.00 %  test accuracy 95.00 %  1,000 examples/s  2.0 s\n"
    )


def test_a_terminal_gets_a_live_line(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with display(stream) as shown:
        telling = Progress(shown, ACCURACY, 10, 2)
        for step in range(10):
            telling.step(at(step + 1, 1, 0.125, 0.5, 4321.0))
        telling.epoch(ROW)
    told = stream.getvalue()
    for words in ("epoch 2/2", "loss 0.1250", "accuracy 50.00 %", "4,321 examples/s", "100%", "train loss 0.2500"):
        assert words in told


def test_the_live_line_costs_nothing_measurable(monkeypatch):
    """Looks less than 1 % of the time between two of them, other steps less than 1 % of a step of 4 ms."""

    def cost(n):
        with display(Terminal()) as shown:
            telling = Progress(shown, ACCURACY, 10**6, 2)
            positions = [at(step, 1, 0.125, 0.5, 4321.0) for step in range(n)]
            clock = time.process_time()
            for position in positions:
                telling.step(position)
            return (time.process_time() - clock) / n

    monkeypatch.setattr(module, "REFRESH", 3600.0)
    assert cost(1000) < 0.01 * 0.004
    monkeypatch.undo()
    between = module.REFRESH
    monkeypatch.setattr(module, "REFRESH", 0.0)
    assert cost(50) < 0.01 * between
