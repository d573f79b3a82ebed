"""How a run looks: on terminals of several widths, in its report and its figures."""

import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from experiments.engine.figures import _beside, _look_closer
from fnnet.runs import plots, style
from fnnet.runs.display import display
from fnnet.runs.kinds.classes import ACCURACY
from fnnet.runs.lenet5 import Config
from fnnet.runs.page import _settings
from fnnet.runs.progress import Progress, epoch_line
from fnnet.runs.trainer import Position
from fnnet.training import TrainState

ROW = {
    "epoch": 7,
    "train_loss": 0.0123,
    "train_accuracy": 0.98765,
    "validation_accuracy": 0.97,
    "test_accuracy": 0.985,
    "seconds": 7.0,
    "examples_per_second": 12345.0,
}
FIGURES = ["epoch  7/10", "train loss 0.0123", "train accuracy 98.77 %", "validation accuracy 97.00 %",
           "test accuracy 98.50 %", "12,345 examples/s", "7.0 s"]  # fmt: skip


class Terminal(io.StringIO):
    def isatty(self):
        return True


def rendered(columns, monkeypatch):
    """What stands in the lines of a terminal of so many columns, the bar as it was shown last."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    state = TrainState(4690, None, None, None)
    with display(stream) as shown:
        telling = Progress(shown, ACCURACY, 4690, 10, start=4689)
        telling._clock -= 7999.0  # so that hours and minutes are left, if steps go on as slowly
        telling._steps = 4691
        shown._shown -= 60
        telling.step(Position(state, 9, 1, 1000, {"loss": 123.4, "accuracy": 987.6}, 0.1, None))
        telling.epoch(ROW)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
    return [line.rstrip() for line in re.split(r"[\r\n]+", plain) if line.strip()]


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_the_time_left_is_never_cut_and_the_bar_is_one(columns, monkeypatch):
    lines = rendered(columns, monkeypatch)
    bars = [line for line in lines if "epoch 10/10" in line]
    assert bars
    for line in bars:
        assert line.endswith("2 h 13 min left")
        assert len(line) <= columns
        assert len(re.findall("[━╸╺]", line)) >= 10
        assert "…" not in line
        assert ("loss 0.1234" in line) >= (columns >= 60)
        assert ("accuracy 98.76 %" in line) == (columns >= 80)
        assert ("10,000 examples/s" in line) == (columns >= 120)


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_the_line_of_an_epoch_never_breaks_inside_a_figure(columns, monkeypatch):
    told = [line for line in rendered(columns, monkeypatch) if "10/10" not in line and "━" not in line]
    assert all(len(line) <= columns for line in told)
    parts = [part for line in told for part in re.split(r"(?<!epoch)  +", line.strip())]
    assert parts == FIGURES
    assert epoch_line(ROW, ACCURACY, 10) == "  ".join(FIGURES)


class Told:
    def __init__(self, settings):
        self.settings = settings


def test_the_table_of_settings_has_no_empty_column_and_no_word_of_python():
    _, plain = _settings(Told(Config()))
    assert plain.splitlines()[0] == "| setting | value |"
    assert "None" not in plain
    _, changed = _settings(Told(Config(epochs=3)))
    assert changed.splitlines()[0] == "| setting | value | by default |"
    assert "| `epochs` | 3 | 10 |" in changed
    assert "| `patience` | none |" in changed


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_figures_are_fine_enough_for_modern_screens():
    assert style.DPI >= 150
    image = pixels(plots.curves([{f"{part}_{what}": 0.5 for part in ("train", "test") for what in ("loss", "accuracy")}
                                 | {"epoch": 1}], [1.0, 0.5], 2, ACCURACY, "loss"))  # fmt: skip
    assert image.shape[:2] == (round(3.6 * style.DPI), 9 * style.DPI)


def test_digits_can_be_read_on_every_shade():
    counts = np.diag([900] * 3)
    counts[0, 2] = 60
    image = pixels(plots.confusion(counts, "abc", "Test"))
    dark = (np.abs(image - 0x70).max(axis=2) < 16) & (np.ptp(image, axis=2) < 4)  # the shade of the most errors
    rows, columns = (np.flatnonzero(dark.sum(axis=axis) > style.DPI / 4) for axis in (1, 0))  # not letters
    cell = image[rows.min() + 2 : rows.max() - 1, columns.min() + 2 : columns.max() - 1]
    assert cell.max() > 240  # white ink on it
    assert cell.min() > 80  # and none that is darker than the cell


def test_kernels_show_the_sign_and_a_bar_as_tall_as_they_are():
    weight = np.ones((2, 1, 3, 3), np.float32)
    weight[1] *= -1
    image = pixels(plots.kernels(weight))
    red = (image[..., 0] > image[..., 2] + 60).nonzero()
    blue = (image[..., 2] > image[..., 0] + 60).nonzero()
    half = image.shape[1] // 2
    assert (red[1] < half).mean() > 0.9
    assert (blue[1] < half).mean() < 0.4
    kernel = np.ptp(blue[0][(blue[1] > half * 0.8) & (blue[1] < 1.6 * half)])
    bar = np.ptp(np.concatenate([red[0][red[1] > 1.6 * half], blue[0][blue[1] > 1.6 * half]]))
    assert bar <= kernel + 4


def test_a_cloud_of_batches_is_a_median_in_a_band():
    losses = np.exp(np.linspace(1, -3, 20_000)) * (1 + 0.5 * np.sin(np.arange(20_000)))
    rows = [
        {"epoch": i, "train_loss": 0.1, "test_loss": 0.1, "train_accuracy": 0.9, "test_accuracy": 0.9} for i in (1, 2)
    ]
    image = pixels(plots.curves(rows, losses, 10_000, ACCURACY, "loss"))
    band = (np.abs(image - round(0.88 * 255)) < 3).all(axis=2)
    line = (np.abs(image - round(0.6 * 255)) < 6).all(axis=2)
    assert band.sum() > 1000
    assert 100 < line.sum() < 0.5 * band.sum()


def test_one_bad_curve_does_not_press_the_others_together():
    axes = style.figure(4, 3).subplots()
    for start in (97.0, 97.5, 98.0, 98.5, 98.8):
        axes.plot(np.linspace(start, 99.0, 10))
    alone = axes.get_ylim()
    _look_closer(axes)
    assert axes.get_ylim() == alone
    axes.plot([30.0, 60.0, 80.0])
    _look_closer(axes)
    low, high = axes.get_ylim()
    assert low > 90
    assert high >= 99


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
def test_setting_up_says_that_it_takes_a_while():
    root = Path(__file__).resolve().parents[2]
    plan = ["make", "-n", "-W", "pyproject.toml", "lenet5"]
    said = subprocess.run(plan, cwd=root, capture_output=True, text=True, check=True).stdout
    assert said.index("setting up .venv: ") < said.index("pip install")


def test_equal_points_stand_side_by_side():
    moved = _beside(np.array([99.8, 99.8, 100.0, 99.8]))
    assert len(set(moved[[0, 1, 3]])) == 3
    assert moved[2] == 0
    assert abs(moved).max() < 0.4  # in their own row


def test_figures_say_nothing_where_the_font_for_wide_letters_has_one_weight(tmp_path):
    draw = "\n".join([
        "import numpy as np",
        "from fnnet.runs import plots, style",
        "style.WIDER = ('cmr10',)",  # comes with matplotlib, in one weight
        "assert style._families() == ['DejaVu Sans', 'cmr10']",
        "assert plots.confusion(np.eye(3, dtype=int) + 1, ['a', 'b', '红'], 'title').startswith(b'\\x89PNG')",
    ])  # fmt: skip
    done = subprocess.run([sys.executable, "-W", "error", "-c", draw], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
