"""Runs that are stopped, killed and resumed end with the bytes of the run nobody disturbed."""

import contextlib
import importlib
import io
import os
import random
import re
import resource
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from fnnet import checkpoint
from fnnet.files import TEMPORARY
from fnnet.runs import compare, files, folder, trainer
from fnnet.runs.cli import main
from fnnet.runs.lenet5 import EXPERIMENT, Config
from tests.runs.conftest import SMALL, STOPPING, command, reaches, wait_for

KILLS = int(os.environ.get("FNNET_KILLS", "5"))  # more of them: FNNET_KILLS=60


def resume(out):
    """Go on in this process; the exit code and what was said."""
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(said):
        code = main(["train", "lenet5", "--data", "bundled", "--out", str(out), "--resume"])
    return code, said.getvalue()


def same(run, undisturbed):
    assert compare.outcomes(folder.opened(run), folder.opened(undisturbed)) == []
    assert (run / folder.PARAMS).read_bytes() == (undisturbed / folder.PARAMS).read_bytes()
    assert (run / folder.STEPS).read_bytes() == (undisturbed / folder.STEPS).read_bytes()
    assert (run / folder.CONFIG).read_bytes() == (undisturbed / folder.CONFIG).read_bytes()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_says_how_to_go_on(finished, tmp_path, number, code):
    out = tmp_path / "run"
    with command("train", "lenet5", *SMALL, "--out", out) as process:
        wait_for(process, "epoch 1/4")
        process.send_signal(number)
        rest = process.stdout.read()
        assert process.wait(60) == code, rest
    assert "everything is saved. Go on with:" in rest
    assert f"-m fnnet train lenet5 --out {out} --resume --data bundled" in rest
    assert not (out / folder.RESULTS).exists()
    stopped = files.rows(out / folder.STEPS)
    assert 23 <= len(stopped) < 92
    code, rest = resume(out)  # settings come from the folder
    assert code == 0, rest
    assert f"going on after step {len(stopped)}" in rest
    same(out, finished)
    assert [session["after_step"] for session in folder.opened(out).sessions()] == [0, len(stopped)]
    assert f"resumed after step {len(stopped)}" in (out / folder.REPORT).read_text()


def test_kills_at_random_moments_change_nothing(finished, tmp_path):
    """SIGKILL, again and again, from the start of the program to the writing of the report.

    A position is saved after every step, so that many kills meet a file half written; many kills get a longer run.
    """
    out, draw = tmp_path / "run", random.Random(7)
    words = ["train", "lenet5", *SMALL]
    if KILLS > 10:
        words += ["--epochs", str(KILLS // 2)]
        finished = tmp_path / "undisturbed"
        assert main([*words, "--out", str(finished)]) == 0
    kills = writing = 0
    while kills < KILLS:
        with command(
            *words, "--out", out, "--save-every", "1e-9", *(["--resume"] if (out / folder.CONFIG).exists() else [])
        ) as process:
            if draw.random() < 0.9:  # else it may not even have begun
                reaches(process, "lenet5 on")  # or says that it is finished: the kill before came after its last file
            time.sleep(draw.uniform(0.0, 1.0))
            process.send_signal(signal.SIGKILL)
            code = process.wait(60)
        if code == 0:  # it was faster
            same(out, finished)
            shutil.rmtree(out)
        else:
            assert code == -signal.SIGKILL
            kills += 1
            writing += any(out.glob(f".*{TEMPORARY}"))
            assert all("epoch" in row for row in files.rows(out / folder.METRICS))  # readable after every kill
    print(f"{kills} kills, {writing} of them in the middle of a file, {len(files.rows(out / folder.STEPS))} steps made")
    code, rest = resume(out)
    assert code == 0, rest
    same(out, finished)
    assert list(out.glob(f".*{TEMPORARY}")) == []


def test_a_disk_that_is_full_loses_nothing_saved(finished, tmp_path):
    """Files may not grow beyond a size, in place of a full disk: the loss of some step does not fit any more."""
    out = tmp_path / "run"

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, resource.RLIM_INFINITY))

    with command("train", "lenet5", *SMALL, "--out", out, limit=small_files) as process:
        rest = process.stdout.read()
        assert process.wait(60) == 1, rest
    assert "File too large" in rest
    assert f"-m fnnet train lenet5 --out {out} --resume --data bundled\n" in rest
    assert "Traceback" not in rest
    code, rest = resume(out)
    assert code == 0, rest
    same(out, finished)


def test_early_stopping_is_remembered_over_a_kill(stopped, tmp_path):
    """Killed in the epoch after the best one and resumed, it stops after the same epoch with the same net."""
    out = tmp_path / "run"
    results = folder.opened(stopped).results()
    assert results["epochs"] == results["best_epoch"] + 2 < 20
    with command("train", "lenet5", *STOPPING, "--out", out, "--save-every", "1e-9") as process:
        wait_for(process, f"epoch {results['best_epoch'] + 1:2}/20")
        process.send_signal(signal.SIGKILL)
        assert process.wait(60) == -signal.SIGKILL
    assert not (out / folder.RESULTS).exists()
    code, rest = resume(out)
    assert code == 0, rest
    assert re.search(r"going on after step \d+", rest)
    same(out, stopped)
    assert folder.opened(out).results()["best_epoch"] == results["best_epoch"]


PLAIN = {"optimizer": "momentum", "learning_rate": 0.01, "epochs": 2}
PATIENT = {"learning_rate": 0.01, "schedule": "constant", "epochs": 12, "validation_examples": 30, "patience": 1}


@pytest.mark.parametrize("settings", [PLAIN, PATIENT])
def test_any_step_can_be_saved_and_gone_on_from(tmp_path, settings):
    config = Config(train_examples=200, batch_size=64, **settings)
    plan = trainer.plan(EXPERIMENT.problem(config, "bundled", None), config)

    def walk(position, stop_after=None):
        steps, epochs, saved = [], [], []

        def step(before, after, values):
            steps.append(trainer.step_row(before, values))

        journal = trainer.Journal(step, epochs.append, saved.append)
        stop = (lambda: False) if stop_after is None else (lambda: len(steps) >= stop_after)
        end = trainer.run(plan, position, journal, stop)
        return end, steps, [{k: v for k, v in row.items() if k not in compare.TIMES} for row in epochs]

    end, steps, epochs = walk(trainer.start(plan, config.seed))
    assert (2 < len(epochs) < config.epochs) if config.patience else (len(epochs) == config.epochs)
    assert len(steps) == len(epochs) * plan.batch_count
    for cut in range(1, len(steps) + 1):
        half, first, some = walk(trainer.start(plan, config.seed), cut)
        checkpoint.save(tmp_path / "position", half)
        again = checkpoint.load(tmp_path / "position", trainer.start(plan, config.seed))
        other, second, rest = walk(again)
        assert first + second == steps
        assert some + rest == epochs
        for kept in (lambda position: position.state.params, trainer.trained):
            assert trainer.digests(kept(other)) == trainer.digests(kept(end))
        assert other.watch._replace(params=None) == end.watch._replace(params=None)


def test_a_finished_run_is_left_alone(finished, told):
    before = {path.name: path.read_bytes() for path in finished.iterdir()}
    code, out, _ = told("train", "lenet5", "--out", finished, "--resume")
    assert (code, "this run is finished" in out) == (0, True)
    assert {path.name: path.read_bytes() for path in finished.iterdir()} == before


def test_the_same_command_again_tells_the_result_and_touches_nothing(finished, told):
    before = {path.name: path.read_bytes() for path in finished.iterdir()}
    code, out, err = told("train", "lenet5", *SMALL, "--out", finished)
    assert (code, err) == (0, "")
    accuracy = files.read_json(finished / folder.RESULTS)["test"]["accuracy"]
    assert f"this run is finished. Test accuracy {100 * accuracy:.2f} %; report: {finished / folder.REPORT}" in out
    assert {path.name: path.read_bytes() for path in finished.iterdir()} == before


def test_another_configuration_stays_an_error(finished, told):
    code, _, err = told("train", "lenet5", *SMALL, "--out", finished, "--train-examples", 1000)
    assert code == 1
    assert f"train_examples: None in the folder, 1000 asked for; choose another --out, such as {finished}-2" in err
    assert "data:" not in err


def test_real_data_after_bundled_digits(finished, told, monkeypatch):
    from fnnet import data

    images = np.zeros((64, 28, 28), np.uint8)
    found = data.Dataset(*(data.Examples(images, np.zeros(64, np.int64)) for _ in range(2)))
    monkeypatch.setattr("fnnet.data.mnist_or_digits", lambda directory: (found, None))
    code, _, err = told("train", "lenet5", *SMALL[2:], "--out", finished)
    assert code == 1
    assert f"data: bundled digits in the folder, MNIST asked for; choose another --out, such as {finished}-2" in err


def test_a_run_on_mnist_never_falls_back(finished, told, tmp_path, monkeypatch):
    monkeypatch.delenv("FNNET_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(importlib.import_module("fnnet.data.mnist"), "MIRRORS", ())
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    identity = files.read_json(run / folder.CONFIG)
    files.write(run / folder.CONFIG, files.to_json({**identity, "source": "MNIST"}))
    for words in (("replay", run), ("report", run), ("train", "lenet5", "--resume", "--out", run)):
        code, out, err = told(*words)
        assert code == 1
        assert "this run was trained on MNIST, which was not found; give --data DIR" in err
        assert "scikit-learn" not in out + err
    code, _, err = told("replay", run, "--data", "bundled")
    assert code == 1
    assert "data: MNIST in the run, bundled digits found now" in err


def test_nothing_to_resume(told, tmp_path):
    code, _, err = told("train", "lenet5", "--data", "bundled", "--resume", "--out", tmp_path / "typo")
    assert code == 1
    assert f"nothing to resume in {tmp_path / 'typo'}" in err
    assert not (tmp_path / "typo").exists()


def test_a_run_begun_with_more_threads_goes_on_with_a_note(finished, told, monkeypatch):
    monkeypatch.setattr("fnnet.runs.facts.cores", lambda: 0)
    code, _, err = told("train", "lenet5", "--resume", "--out", finished)
    assert code == 0
    assert "note: --threads: expected at most 0, the processors this process may use, got 1" in err


def test_begun_run_asks_for_resume(tmp_path, told):
    begun(tmp_path)
    code, _, err = told("train", "lenet5", *SMALL, "--out", tmp_path / "run")
    assert code == 1
    assert "this very run, begun; add --resume to go on with it" in err


def begun(place):
    """A run that was ended before anything but its configuration was there."""
    from fnnet.runs.registry import get

    experiment = get("lenet5")
    config = Config(epochs=4, learning_rate=0.003)
    with folder.begun(place / "run", experiment, config, experiment.problem(config, "bundled", None)):
        pass


def test_resume_refuses_another_configuration(finished, told):
    words = ("--out", finished, "--resume", "--epochs", "5", "--batch-size", 32)
    code, _, err = told("train", "lenet5", "--data", "bundled", *words)
    assert code == 1
    assert "batch_size: 64 in the folder, 32 asked for" in err
    assert "epochs: 4 in the folder, 5 asked for" in err


def test_resume_refuses_another_patience(stopped, told):
    code, _, err = told("train", "lenet5", "--data", "bundled", "--out", stopped, "--resume", "--patience", 3)
    assert code == 1  # and validation_examples, on which patience depends, is taken from the folder
    assert "patience: 2 in the folder, 3 asked for; ask for the same to resume it" in err


def test_resume_on_data_with_too_few_examples_says_which_they_should_be(finished, told, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    identity = files.read_json(run / folder.CONFIG)
    identity["config"]["train_examples"] = 20_000
    files.write(run / folder.CONFIG, files.to_json({**identity, "source": "MNIST"}))
    code, _, err = told("train", "lenet5", "--data", "bundled", "--out", run, "--resume")
    assert code == 2
    assert "at most the 1,437 training examples of bundled digits, got 20,000; this run was trained on MNIST" in err


def test_resume_refuses_other_data(tmp_path, told, monkeypatch):
    begun(tmp_path)
    from fnnet.runs import datasets

    bundled = datasets.digits_like_mnist

    def other():
        found = bundled()
        images = found.train.images.copy()
        images[0, 0, 0] ^= 1
        return found._replace(train=found.train._replace(images=images))

    monkeypatch.setattr(datasets, "digits_like_mnist", other)
    code, _, err = told("train", "lenet5", "--out", tmp_path / "run", "--resume", "--data", "bundled")
    assert code == 1
    assert "differing in train images" in err


def test_two_processes_cannot_share_a_folder(tmp_path, told):
    with folder.locked(tmp_path / "run"):
        code, _, err = told("train", "lenet5", *SMALL, "--out", tmp_path / "run")
    assert code == 1
    assert "expected a run folder that no other process is working in" in err


@pytest.mark.parametrize("damage", ["cut", "foreign", "net"])
def test_a_checkpoint_that_does_not_fit_is_refused(tmp_path, told, damage):
    begun(tmp_path)
    path = tmp_path / "run" / folder.CHECKPOINT
    if damage == "cut":
        checkpoint.save(path, (1.0,))
        path.write_bytes(path.read_bytes()[:-3])
        wanted = "truncated"
    elif damage == "foreign":
        checkpoint.save(path, (1.0,), {"run": "0"})
        wanted = "expected the checkpoint of this run, got one of another run"
    else:
        checkpoint.save(path, (1.0,), {"run": folder.opened(tmp_path / "run").identity.fingerprint})
        wanted = "expected Position"
    code, _, err = told("train", "lenet5", *SMALL, "--out", tmp_path / "run", "--resume")
    assert code == 1
    assert wanted in err
    assert str(path) in err


def test_second_interrupt_ends_at_once(tmp_path):
    """Two signals in a row, wherever they hit: the code is right and the files are whole."""
    out = tmp_path / "run"
    with command("train", "lenet5", *SMALL, "--epochs", "400", "--out", out) as process:
        wait_for(process, "epoch   1/400")
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(60) == 130, rest
    assert "stopped" in rest
    assert "Traceback" not in rest
    files.rows(out / folder.METRICS)
    checkpoint.read_metadata(out / folder.CHECKPOINT)


def test_a_vanished_folder_is_rescued(finished, tmp_path):
    out = tmp_path / "run"
    with command("train", "lenet5", *SMALL, "--out", out, TMPDIR=tmp_path) as process:
        wait_for(process, "epoch 1/4")
        while out.exists():
            shutil.rmtree(out, ignore_errors=True)
        rest = process.stdout.read()
        assert process.wait(60) == 1, rest
    assert "Traceback" not in rest
    found = re.search(r"error: .* got a folder that has vanished; all is saved in (.*)\n", rest)
    rescued = Path(found.group(1))
    code, rest = resume(rescued)
    assert code == 0, rest
    same(rescued, finished)
