"""Every other word of the command line."""

import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from fnnet.runs import datasets, files, folder, identity, registry, trained
from fnnet.runs import pictures as pictures_module
from tests.runs.conftest import ROOT, SMALL

NAMES = " or ".join(registry.EXPERIMENTS)


def test_list_names_every_experiment_and_loads_nothing_heavy():
    script = (
        "import sys; from fnnet.runs.cli import main; code = main(['list']); "
        "heavy = {'numpy', 'optree', 'tyro', 'rich', 'matplotlib', 'scipy', 'sklearn'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else code)"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    for name, (_, asks) in registry.EXPERIMENTS.items():
        assert re.search(rf"^{name} +{re.escape(asks)}$", done.stdout, re.MULTILINE)


def test_every_experiment_keeps_its_promises():
    for name in registry.EXPERIMENTS:
        experiment = registry.get(name)
        assert experiment.name == name
        settings = experiment.settings()
        assert identity.settings(experiment, identity.plain(settings), "here") == settings


def test_help(told):
    code, out, _ = told("--help")
    assert code == 0
    assert "predict" in out
    code, out, _ = told("train", "lenet5", "--help")
    assert code == 0
    for word in ("--seed", "--epochs", "--out", "--data", "--resume", "Examples in a step", "highest learning rate"):
        assert word in out


FAULTS = [
    ((), 2, "usage"),
    (("lits",), 2, "unknown command 'lits'; did you mean list?"),
    (("list", "more"), 2, "list: expected no further words"),
    (("train", "lenet"), 2, f"experiment: expected {NAMES}, got 'lenet'; did you mean lenet5?"),
    (("train", "lenet5", "--epoch", "3"), 2, r"Perhaps you meant:[\s│]+--epochs"),
    (("train", "lenet5", "--epochs", "0"), 2, "^error: epochs: expected a whole number ≥ 1, got 0"),
    (("train", "lenet5", "--epochs", "many"), 2, "invalid literal for int"),
    (("train", "lenet5", "--learning-rate", "-1"), 2, r"learning_rate: expected a number in \(0, 1e\+06\], got -1.0"),
    (("train", "lenet5", "--learning-rate", "nan"), 2, "learning_rate: expected .*, got nan"),
    (
        ("train", "lenet5", "--threads", "100000"),
        2,
        r"--threads: expected at most \d+, the processors this process may use",
    ),
    (("train", "lenet5", "--optimizer", "best"), 2, r"invalid choice 'best'[\s\S]*adam"),
    (
        ("train", "lenet5", "--data", "bundled", "--patience", "3"),
        2,
        "patience: expected examples for validation with it, got none; say how many to hold back with --valid",
    ),
    (("train", "lenet5", "--patience", "0", "--validation-examples", "9"), 2, "patience: expected a whole number ≥ 1"),
    (
        ("train", "lenet5", "--data", "bundled", "--validation-examples", "1437"),
        2,
        "fewer than the 1,437 examples taken",
    ),
    (("train", "lenet5", "--save-every", "0"), 2, "--save-every: expected a number of seconds above 0"),
    (("train", "lenet5", "--data", "no/such/folder"), 1, "expected an existing directory, got no/such/folder"),
    (("train", "lenet5", "--data", "{empty}"), 1, "expected train-images-idx3-ubyte.gz and three more"),
    (("train", "lenet5", "--data", "bundled", "--train-examples", "2000"), 2, "at most the 1,437 training examples"),
    (
        ("train", "lenet5", "--data", "bundled", "--out", "{full}"),
        1,
        "new or empty folder.*, got one that holds mine.txt",
    ),
    (("train", "lenet5", "--data", "bundled", "--out", "{full}/mine.txt"), 1, "expected a folder, got a file"),
    (("train", "lenet5", "--data", "bundled", "--out", "/dev/null/run"), 1, "/dev/null/run: Not a directory"),
    (("predict", "{full}", "a.png"), 1, "expected a run folder, with config.json, got a folder without it"),
    (("predict",), 2, r"usage: fnnet predict RUN WORD… \[options\]"),
    (("predict", "{none}", "a.png"), 1, "expected a run folder, got nothing there"),
    (("replay", "{none}"), 1, "expected a run folder, with config.json, got no such folder"),
    (("diff", "{none}", "{full}"), 1, "expected a run folder"),
    (("trace", "{none}", "--step", "0"), 1, "expected a run folder"),
    (("report", "--among", "{empty}"), 1, "expected a folder with runs in it, got none"),
    (("check", "nowhere.py:layer"), 2, "expected an existing file, got 'nowhere.py'"),
    (("check", "nowhere"), 2, "expected MODULE:FACTORY"),
    (("check", "fnnet.layers:relux"), 2, "expected a layer or factory 'relux'"),
    (("check", "fnnet.layers:dense"), 2, "expected a function without arguments, got one that needs some .*'n'"),
    (("check", "fnnet.layers:flatten", "--shape", "0"), 2, "--shape and --batch say on what"),
    (("check", "fnnet.nothing:relu"), 2, "expected a module or a .py file"),
]


@pytest.mark.parametrize(("words", "code", "message"), FAULTS)
def test_faults_are_told_in_a_line(told, tmp_path, words, code, message, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "empty").mkdir()
    places = {name: str(tmp_path / name) for name in ("full", "empty", "none")}
    found, out, err = told(*(word.format(**places) for word in words))
    assert found == code
    assert re.search(message, out + err)
    assert "Traceback" not in out + err
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]


def test_a_read_only_folder(told, tmp_path):
    tmp_path.chmod(0o500)
    with bound_by_permissions():
        code, _, err = told("train", "lenet5", *SMALL, "--out", tmp_path / "run")
    assert (code, err) == (1, f"error: {tmp_path / 'run'}: Permission denied\n")


def test_a_run_that_has_become_read_only(finished, told, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / folder.CONFIG).write_bytes((finished / folder.CONFIG).read_bytes())
    run.chmod(0o500)
    with bound_by_permissions():
        code, _, err = told("train", "lenet5", "--resume", "--out", run)
    assert (code, err) == (1, f"error: {run / folder.LOCK}: Permission denied\n")
    assert [path.name for path in run.iterdir()] == [folder.CONFIG]


@contextmanager
def bound_by_permissions():
    """Within, permissions bind this thread even if it is root's: Linux lets it put down the right to override them."""
    if os.geteuid() != 0:
        yield
        return
    if sys.platform != "linux":
        pytest.skip("root may write anywhere here")
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this thread
    before = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; twice 32 bits of each
    assert libc.capget(header, before) == 0
    put_down = (ctypes.c_uint32 * 6)(*before)
    put_down[0] &= ~(1 << 1)  # CAP_DAC_OVERRIDE
    assert libc.capset(header, put_down) == 0
    try:
        yield
    finally:
        assert libc.capset(header, before) == 0


def test_a_system_without_file_locks_is_told_so(finished, told, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)  # its import fails, as on Windows
    code, _, err = told("train", "lenet5", *SMALL, "--out", tmp_path / "run")
    assert code == 2
    assert f"expected a POSIX system, whose file locks hold it, got {os.name}; train on Linux, macOS or WSL" in err
    assert not (tmp_path / "run").exists()
    assert told("diff", finished, finished)[0] == 0  # what only reads needs none
    assert len(trained.load(finished)) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["config"].update(epochs="4"), "epochs: expected a whole number ≥ 1, got '4'"),
        (lambda c: c["config"].update(depth=3), "config: expected settings seed, .*, got 'depth'"),
        (lambda c: c["config"].pop("seed"), "config: expected a value for seed, got none"),
        (lambda c: c["config"].update(optimizer="rm -rf"), "optimizer"),
        (lambda c: c.update(format=7), "config.json: format: expected 1, got 7"),
        (lambda c: c.update(more=1), "config.json: expected an object with experiment"),
        (lambda c: c.update(experiment="os.system"), "experiment: expected .*lenet5.*, got 'os.system'"),
        (lambda c: c.update(config=[]), "config.json: config: expected an object"),
    ],
)
def test_damaged_config(finished, tmp_path, told, change, message):
    config = json.loads((finished / folder.CONFIG).read_text())
    change(config)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / folder.CONFIG).write_text(json.dumps(config))
    code, _, err = told("replay", tmp_path / "run")
    assert code in (1, 2)
    assert re.search(message, err)


LARGE = "1" + "0" * 400
SOUND = dict.fromkeys(("train_loss", "train_accuracy", "test_loss", "test_accuracy", "validation_loss"), 1.0)
VALIDATED = json.dumps({"epoch": 1, **SOUND, "seconds": 1.0, "examples_per_second": 1.0})


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        (folder.STEPS, '{"step": 1, "loss": 0.5}', "steps.jsonl, line 1: step: expected 0, got 1"),
        (folder.STEPS, '{"step": 0}', "steps.jsonl, line 1: loss: expected a number, got None"),
        (folder.STEPS, '{"step": 0, "loss": 1, "digests": 3}', "line 1: digests: expected an object of strings, got 3"),
        (folder.METRICS, '{"epoch": 1}', "metrics.jsonl, line 1: train_loss: expected a number, got None"),
        (folder.METRICS, f'{{"epoch": 1, "train_loss": {LARGE}}}', "line 1: train_loss: expected a number, got 1000"),
        (folder.METRICS, '{"epoch": 1, "train_loss": NaN}', "line 1: train_loss: expected a number, got nan"),
        (folder.STEPS, '{"step": 0, "loss": 1e999}', "line 1: loss: expected a number, got inf"),
        (folder.METRICS, VALIDATED, "line 1: validation_accuracy: expected a number, got None"),
        (folder.METRICS, '["epoch"]', "metrics.jsonl, line 1: expected a JSON object"),
    ],
)
def test_damaged_lines(finished, tmp_path, told, name, line, message):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    (run / folder.RESULTS).unlink()
    (run / name).write_text(line + "\n")
    for words in (("train", "lenet5", "--resume", "--out", run), ("diff", run, finished), ("replay", run)):
        code, _, err = told(*words)
        assert (code, message in err) == (1, True), err


@pytest.fixture
def pictures(tmp_path):
    """Test digits as files of many kinds."""
    x, labels = datasets.digits("bundled").test
    stored = np.rint(x[:, 0] * 255).astype(np.uint8)

    def ink_on_paper(image):
        image.convert("RGB").point(lambda v: 255 - v).resize((112, 112)).save(tmp_path / "paper.jpg", quality=95)

    def clear(image):
        empty = Image.new("RGBA", image.size, (0, 0, 0, 0))
        empty.putalpha(image)
        empty.save(tmp_path / "clear.png")

    def deep(image):
        Image.fromarray(np.asarray(image).astype(np.uint16) * 257).save(tmp_path / "deep.png")

    kinds = [lambda i: i.save(tmp_path / "plain.png"), ink_on_paper, clear, deep]
    for row, save in enumerate(kinds):
        save(Image.fromarray(stored[row]))
    Image.fromarray(stored[4]).convert("1").save(tmp_path / "one_bit.bmp")
    return tmp_path, labels[:5]


def test_predict(finished, told, pictures):
    folder, labels = pictures
    names = ["plain.png", "paper.jpg", "clear.png", "deep.png", "one_bit.bmp"]
    code, out, err = told("predict", finished, *(folder / name for name in names))
    assert (code, err) == (0, "")
    lines = out.splitlines()
    net, params = trained.load(finished)
    x, _ = datasets.digits("bundled").test
    read = net.apply(params, x[:5])[0].argmax(axis=1)
    for line, name, digit in zip(lines, names, read, strict=True):
        assert line.startswith(f"{folder / name}: {digit} (")
    assert (read == labels).sum() >= 4
    for line, words in zip(
        lines,
        (
            "",
            "in 112 × 112 brought to 14 × 20 in the middle of 28 × 28]",
            "[put on white; made grey; inverted, its ground being light]",
            "[brought from 16 to 8 bits]",
            "[made grey]",
        ),
        strict=True,
    ):
        assert line.endswith(words)


def test_predict_without_a_picture_says_what_it_asks_for(finished, told):
    code, _, err = told("predict", finished)
    assert (code, "expected a picture file or more after the run, got none; usage: " in err) == (2, True)
    assert "each is a picture file" in told("predict", finished, "--help")[1]


def test_predict_puts_a_digit_from_a_corner_into_the_middle(finished, told, tmp_path):
    digit = np.zeros((20, 12), np.uint8)
    digit[:, 4:8] = 255  # a one
    page = np.full((300, 500), 255, np.uint8)
    page[250:290, 10:34] -= np.kron(digit, np.ones((2, 2), np.uint8))
    Image.fromarray(page).save(tmp_path / "corner.png")
    x, done = pictures_module.read(tmp_path / "corner.png", (1, 28, 28), pictures_module.as_mnist)
    rows, columns = (np.flatnonzero(x[0].any(axis=axis)) for axis in (1, 0))
    assert (rows[0], rows[-1]) == (4, 23)
    assert (columns[0], columns[-1]) == (12, 15)
    assert done[-1] == "ink of 8 × 40 in 500 × 300 brought to 4 × 20 in the middle of 28 × 28"
    code, out, _ = told("predict", finished, tmp_path / "corner.png")
    assert (code, done[-1] in out) == (0, True)


@pytest.mark.parametrize(("orientation", "stored"), [(3, 2), (6, 1), (8, 3)])
def test_predict_turns_pictures_upright(finished, told, pictures, tmp_path, orientation, stored):
    """As phones make them: the sensor's rows, and a tag that says how it was held."""
    folder, _ = pictures
    tags = Image.Exif()
    tags[0x0112] = orientation
    upright = Image.open(folder / "plain.png")
    sensor = Image.fromarray(np.rot90(np.asarray(upright), stored))
    sensor.save(tmp_path / "phone.png", exif=tags)
    code, out, _ = told("predict", finished, folder / "plain.png", tmp_path / "phone.png")
    plain, turned = (line.partition(": ")[2] for line in out.splitlines())
    assert (code, turned) == (0, f"{plain}  [turned upright]")


def test_predict_reads_an_intact_picture_with_a_damaged_exif(finished, told, pictures, tmp_path):
    content = (pictures[0] / "paper.jpg").read_bytes()
    tags = b"Exif\0\0MM\0*\0\0\xff\xff"
    (tmp_path / "odd.jpg").write_bytes(
        content[:2] + b"\xff\xe1" + (len(tags) + 2).to_bytes(2, "big") + tags + content[2:]
    )
    code, out, err = told("predict", finished, pictures[0] / "paper.jpg", tmp_path / "odd.jpg")
    assert (code, err) == (0, "")
    assert len({line.partition(": ")[2] for line in out.splitlines()}) == 1


def test_ink_darker_than_a_dark_ground_is_found(tmp_path):
    page = np.full((60, 90), 120, np.uint8)
    page[10:30, 20:30] = 0
    Image.fromarray(page).save(tmp_path / "dark.png")
    x, _ = pictures_module.read(tmp_path / "dark.png", (1, 28, 28), pictures_module.as_mnist)
    assert np.unique(x[0, 4:24, 9:19]).tolist() == [np.float32(120 / 255)]
    assert np.count_nonzero(x) == 200


@pytest.mark.parametrize("size", [(28, 28), (100, 60)])
def test_predict_finds_no_ink_on_a_blank_picture(finished, told, tmp_path, size):
    Image.new("L", size, 250).save(tmp_path / "blank.png")
    code, out, err = told("predict", finished, tmp_path / "blank.png")
    assert (code, out) == (1, "")
    assert "no ink found" in err


def test_predict_says_which_file_is_no_picture(finished, told, pictures, tmp_path):
    folder, _ = pictures
    (tmp_path / "cut.png").write_bytes((folder / "plain.png").read_bytes()[:80])
    code, out, err = told(
        "predict", finished, tmp_path / "none.png", ROOT / "README.md", tmp_path / "cut.png", folder / "plain.png"
    )
    assert code == 1
    assert len(out.splitlines()) == 1
    assert re.search(r"none.png: expected a picture, got No such file", err)
    assert re.search(r"README.md: picture: expected an intact BMP, .* or WebP, got another format or a damaged", err)
    assert re.search(r"cut.png: picture: expected an intact BMP, .* or WebP, got OSError", err)


def test_predict_refuses_a_picture_that_would_fill_the_memory(finished, told, tmp_path):
    Image.new("1", (20_000, 5_000)).save(tmp_path / "bomb.png")
    assert (tmp_path / "bomb.png").stat().st_size < 50_000
    code, _, err = told("predict", finished, tmp_path / "bomb.png")
    assert code == 1
    assert "expected at most 50,000,000 pixels, got 20000 × 5000; make it smaller" in err


def test_report_again_and_side_by_side(finished, told, tmp_path):
    shutil.copytree(finished, tmp_path / "a")
    (tmp_path / "a" / "curves.png").unlink()
    (tmp_path / "a" / folder.REPORT).write_text("")
    rows = files.rows(tmp_path / "a" / folder.METRICS)
    files.write_rows(tmp_path / "a" / folder.METRICS, [])
    code, _, err = told("report", tmp_path / "a")
    assert (code, "metrics.jsonl: expected lines with the losses on test, got 0 lines without" in err) == (1, True)
    files.write_rows(tmp_path / "a" / folder.METRICS, rows)
    code, out, err = told("report", tmp_path / "a")
    assert (code, out.strip()) == (0, str(tmp_path / "a" / folder.REPORT)), err
    assert (tmp_path / "a" / "curves.png").read_bytes() == (finished / "curves.png").read_bytes()
    assert "curves.png" in (tmp_path / "a" / folder.REPORT).read_text()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / folder.CONFIG).write_text("{")
    code, out, _ = told("report", "--among", tmp_path)
    assert code == 0
    assert re.search(r"^ *a +lenet5 +bundled digits +4 +accuracy 9\d\.\d\d %", out, re.MULTILINE)
    assert re.search(r"^damaged: .*b/config\.json: expected JSON", out, re.MULTILINE)


def test_replay_of_an_honest_run(finished, told):
    before = {path.name: path.stat().st_mtime_ns for path in finished.iterdir()}
    code, out, err = told("replay", finished)
    assert code == 0, out + err
    assert "compared 92 of 92 recorded steps" in out
    assert out.splitlines()[-1].startswith("identical, to the byte")
    assert {path.name: path.stat().st_mtime_ns for path in finished.iterdir()} == before


def test_replay_of_a_run_that_early_stopping_ended(stopped, told):
    steps = len(folder.opened(stopped).steps())
    code, out, err = told("replay", stopped)
    assert code == 0, out + err
    assert f"compared {steps} of {steps} recorded steps" in out
    assert out.splitlines()[-1].startswith("identical, to the byte")
    assert told("trace", stopped, "--step", steps)[0] == 2  # it was never made


def test_replay_names_the_first_step_the_leaf_and_the_changed_fact(finished, told, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    rows = files.rows(run / folder.STEPS)
    rows[37]["loss"] += 1e-7
    rows[50]["digests"]["dense_1.bias"] = "0" * 16
    files.write(run / folder.STEPS, "".join(json.dumps(row) + "\n" for row in rows))
    sessions = folder.opened(run).sessions()
    sessions[0]["facts"]["numpy"] = "1.0"
    files.write(run / folder.SESSIONS, files.to_json(sessions))
    code, out, _ = told("replay", run)
    assert code == 1
    assert re.search(r"step 37: loss .* \(params were equal before step 0\); by step 50 dense_1.bias differ", out)
    assert re.search(r"numpy: 1.0 in the run, [\d.]+ now", out)
    assert "compared 51 of 92 recorded steps" in out
    assert "metrics of epoch 3" not in out  # which was not reached


def test_replay_of_half_a_run(finished, told, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    for name in (folder.CONFIG, folder.SESSIONS):
        (run / name).write_bytes((finished / name).read_bytes())
    (run / folder.STEPS).write_bytes(b"".join((finished / folder.STEPS).read_bytes().splitlines(keepends=True)[:30]))
    (run / folder.METRICS).write_bytes((finished / folder.METRICS).read_bytes().splitlines(keepends=True)[0])
    code, out, _ = told("replay", run)
    assert code == 0, out
    assert "compared 30 of 30 recorded steps" in out
    (run / folder.STEPS).write_bytes(b"".join((finished / folder.STEPS).read_bytes().splitlines(keepends=True)[:20]))
    code, out, _ = told("replay", run)  # killed when the line of the epoch was on the disk and not yet all of its steps
    assert code == 0, out
    assert "compared 20 of 20 recorded steps" in out


def test_diff(finished, told, tmp_path):
    code, out, _ = told("diff", finished, finished)
    assert (code, out) == (0, "identical, to the byte\n")
    other = tmp_path / "other"
    assert told("train", "lenet5", *SMALL, "--epochs", 1, "--seed", 3, "--out", other)[0] == 0
    code, out, _ = told("diff", finished, other)
    assert code == 1
    assert re.search(r"params before step 0 differ in conv2d_0.weight, conv2d_1.weight, dense_0.weight", out)
    assert f"seed: 0 {finished}, 3 {other}" in out


def test_trace(finished, told, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    code, out, err = told("trace", run, "--step", 30)
    assert code == 0, err
    for path in ("conv2d_0", "max_pool_1", "dense_2"):
        assert re.search(rf"^ *{path} ", out, re.MULTILINE)
    with Image.open(run / "trace-30.png") as picture:
        assert picture.format == "PNG"
    code, _, err = told("trace", run, "--step", 92)
    assert code == 2
    assert "expected a step of the run, 0 to 91, got 92" in err


def test_a_run_that_diverges_stops_with_the_last_good_state_saved(told, tmp_path):
    run = tmp_path / "run"
    words = ("--data", "bundled", "--epochs", 2, "--optimizer", "sgd", "--learning-rate", 1e5, "--schedule", "constant")
    code, _, err = told("train", "lenet5", *words, "--out", run)
    assert code == 1
    step = int(re.search(r"error: step (\d+): ", err).group(1))
    assert f"-m fnnet trace {run} --step {step}; start another run, with another --out" in err
    assert len(files.rows(run / folder.STEPS)) == step
    code, out, err = told("trace", run, "--step", step)
    assert code == 0, err
    assert re.search(r"dense_2 .* inf", out)
    code, _, again = told("train", "lenet5", "--out", run, "--resume")
    assert code == 1
    assert f"met a non-finite number at step {step}, and would again; start another run, with another --out" in again
    for word in (("predict", run, "a.png"), ("report", run)):
        code, _, err = told(*word)
        assert code == 1
        assert f"got one that met a non-finite number at step {step}; start another run" in err
    code, _, err = told("train", "lenet5", *words, "--out", run)
    assert code == 1
    assert f"met a non-finite number at step {step}; start another run" in err
    (session,) = folder.opened(run).sessions()
    files.write(run / folder.SESSIONS, files.to_json([{**session, "facts": {**session["facts"], "code": "other"}}]))
    code, _, again = told("train", "lenet5", "--out", run, "--resume")  # other code may do better
    assert code == 1
    assert f"step {step}: NaN or infinity" in again


@pytest.mark.parametrize("epochs", [2, 3])
def test_a_look_that_overflows_stops_with_the_last_good_state_saved(told, tmp_path, epochs):
    """One step an epoch, the second so large that the net overflows although its params are finite."""
    run = tmp_path / "run"
    words = ("--optimizer", "sgd", "--learning-rate", 1e5, "--schedule", "constant", "--batch-size", 2000)
    code, _, err = told("train", "lenet5", "--data", "bundled", "--epochs", epochs, *words, "--out", run)
    assert code == 1
    assert re.search(r"^error: after epoch \d, step \d: the test loss is nan, although all params are finite", err)
    made = len(folder.opened(run).steps())
    assert len(folder.opened(run).metrics()) == made - 1
    traced = int(re.search(r"trace \S+ --step (\d)", err).group(1))
    assert traced == min(made, epochs - 1)
    code, _, err = told("trace", run, "--step", traced)
    assert code == 0, err
    code, _, err = told("train", "lenet5", "--out", run, "--resume")
    assert (code, "would again; start another run" in err) == (1, True)


GOOD = """
from fnnet import layers
import numpy as np

def scale():
    def init(key, shape):
        return {"gain": np.ones(shape, np.float32)}
    def apply(params, x):
        return x * params["gain"], lambda dy: ({"gain": (dy * x).sum(axis=0)}, dy * params["gain"])
    return layers.layer(init, apply)
"""


def test_check_holds_a_users_layer_to_the_laws(told, tmp_path):
    (tmp_path / "mine.py").write_text(GOOD)
    code, out, err = told("check", f"{tmp_path / 'mine.py'}:scale", "--shape", 3, 2)
    assert code == 0, out + err
    assert "scale on examples (3, 2)" in out
    (tmp_path / "wrong.py").write_text(GOOD.replace("dy * params", "2 * dy * params"))
    code, out, _ = told("check", f"{tmp_path / 'wrong.py'}:scale", "--shape", 3, 2)
    assert code == 1
    assert re.search(r"derivative +broken", out)


LAYER = """from fnnet.layers import layer


def double():
    return layer(lambda key, shape: (), lambda p, x: (FACTOR * x, lambda dy: ((), FACTOR * dy)))
"""


@pytest.mark.parametrize("name", ["mine", "typing", "random", "tokenize", "numpy"])
def test_check_of_a_file_that_imports_its_neighbour(told, tmp_path, name):
    """Whatever the two are called, Python's own modules are still the ones that are found by their names."""
    before = list(sys.path), sys.modules.get(name)
    (tmp_path / f"{name}.py").write_text(f"from of_mine_{name} import FACTOR\n{LAYER}")
    (tmp_path / f"of_mine_{name}.py").write_text("import typing\n\nFACTOR = 2\nassert typing.Any\n")
    (tmp_path / "secrets.py").write_text("raise AssertionError('in the way')\n")
    code, out, err = told("check", f"{tmp_path / name}.py:double")
    assert (code, err) == (0, ""), out
    assert sys.path == before[0]
    if name != "mine":
        assert sys.modules[name] is before[1]


def test_check_of_a_module_that_lies_here(told, tmp_path):
    """In a fresh Python, which has not yet imported what the folder has files by the names of."""
    (tmp_path / "my_layers.py").write_text(f"import colorsys\nfrom my_factor import FACTOR\n{LAYER}")
    (tmp_path / "my_factor.py").write_text("FACTOR = 2\n")
    for name in ("colorsys", "typing", "fractions"):
        (tmp_path / f"{name}.py").write_text("raise AssertionError('in the way')\n")
    line = [
        sys.executable,
        "-c",
        "from fnnet.runs.cli import main; raise SystemExit(main())",
        "check",
        "my_layers:double",
    ]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    done = subprocess.run(line, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_check_shows_where_a_users_code_failed(told, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(GOOD.replace("        return {", "        c, h, w = shape\n        return {"))
    code, _, err = told("check", f"{file}:scale", "--shape", 3, 2)
    assert code == 2
    assert f"error: {file}, line 7, in init: ValueError: not enough values to unpack" in err
    assert "c, h, w = shape" in err
    file.write_text("def scale(:\n")
    code, _, err = told("check", f"{file}:scale")
    assert code == 2
    assert f"error: {file}, line 1: invalid syntax" in err


def test_list_says_what_its_words_mean(told):
    code, out, _ = told("list", "--help")
    assert (code, out.startswith("usage: ")) == (0, True)


def test_help_names_what_may_be_left_out(told):
    assert "report [-h] [RUN]" in told("report", "--help")[1]
    assert "(default: )" not in told("predict", "--help")[1]
    _, out, _ = told("train", "lenet5", "--help")
    assert "training options" in out
    assert "options options" not in out


def test_a_missing_package_is_told_with_the_cure(told, monkeypatch):
    def missing(name):
        raise ModuleNotFoundError("No module named 'tyro'", name="tyro")

    monkeypatch.setattr("fnnet.runs.cli.importlib.import_module", missing)
    code, _, err = told("doctor")
    assert code == 1
    assert re.search(r"this needs tyro, which .*pip install 'fnnet\[runs\]'", err)


def test_doctor(told):
    code, out, _ = told("doctor", "--batch-size", 8, "--steps", 3)
    assert code == 0
    assert re.search(r"two runs with 1 thread give the same bytes; [\d.]+ ms a step", out)
    assert re.search(r"an example's output (does not depend|depends .*) on its place in the batch", out)
    assert re.search(r"advice: for this net train with --threads \d", out)


def test_show_tells_of_a_finished_run(finished, told):
    code, out, err = told("show", finished)
    assert (code, err) == (0, "")
    results = folder.opened(finished).results()
    assert "lenet5 on bundled digits, seed 0: finished after 4 epochs, test accuracy" in out
    assert f"{100 * results['test']['accuracy']:.2f} %" in out
    assert "settings: epochs 4, learning_rate 0.003" in out
    assert re.search(r"conv2d_1 +\(16, 8, 8\) +2,416 +153,600", out)
    assert re.search(r"total +\(10,\) +44,426 +281,640", out)


def test_show_tells_how_an_unfinished_run_goes_on(finished, tmp_path, told):
    run = tmp_path / "run"
    run.mkdir()
    (run / folder.CONFIG).write_bytes((finished / folder.CONFIG).read_bytes())
    rows = (finished / folder.METRICS).read_text().splitlines()
    (run / folder.METRICS).write_text(f"{rows[0]}\n")
    code, out, err = told("show", run)
    assert (code, err) == (0, "")
    assert "1 of 4 epochs made; go on with: " in out
    assert f"train lenet5 --out {run} --resume" in out
    assert "serial(" in out
    (run / folder.SESSIONS).write_text('[{"started": "", "after_step": 0, "facts": {}, "non_finite": 7}]')
    assert "ended at step 7, at a number that is not finite" in told("show", run)[1]


def test_describe_and_export(finished, tmp_path, told):
    code, out, err = told("describe", finished)
    assert (code, err) == (0, "")
    assert "layers.serial(layers.conv2d(6, 5" in out
    assert "for examples of shape (1, 28, 28)" in out
    assert re.search(r"total +\(10,\) +44,426", out)
    program = tmp_path / "digits.py"
    code, out, err = told("export", finished / folder.PARAMS, "--to", "python", "--out", program)
    assert (code, out.strip(), err) == (0, str(program), "")
    net, params = trained.load(finished)
    x = datasets.digits("bundled").test[0][:5]
    np.save(tmp_path / "x.npy", x)
    done = subprocess.run([sys.executable, program, "x.npy", "y.npy"], cwd=tmp_path, check=True)
    assert done.returncode == 0
    assert np.load(tmp_path / "y.npy").tobytes() == net.apply(params, x)[0].tobytes()
    code, _, err = told("export", finished, "--to", "python", "--out", program)
    assert code == 2
    assert "--out: expected a new file" in err
    weights = tmp_path / "weights.safetensors"
    assert told("export", finished, "--to", "torch", "--out", weights)[0] == 0
    import safetensors.numpy

    state = safetensors.numpy.load_file(weights)
    np.testing.assert_array_equal(state["dense_2.weight"], params.dense_2.weight.T)
    assert told("export", finished, "--to", "torch", "--out", weights, "--force")[0] == 0
    assert told("describe", tmp_path / "nothing")[0] == 1
