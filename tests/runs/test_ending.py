"""What comes behind the last epoch: L-BFGS on the points of a sine."""

import json
import shutil
import signal

import numpy as np
import pytest

from fnnet import checkpoint
from fnnet.runs import folder, identity, signals, sine
from fnnet.runs.cli import main
from fnnet.runs.registry import get

TINY = ("best-sine", "--epochs", 3, "--train-examples", 48)


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """The folder of a run with four steps of L-BFGS. Read only."""
    out = tmp_path_factory.mktemp("runs") / "ended"
    assert main([*map(str, ("train", *TINY, "--lbfgs", 4, "--out", out))]) == 0
    return out


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The folder of the same run without. Read only."""
    out = tmp_path_factory.mktemp("runs") / "plain"
    assert main([*map(str, ("train", *TINY, "--lbfgs", 0, "--out", out))]) == 0
    return out


def losses(run):
    """Of the net that a run left, on the training points."""
    return json.loads((run / folder.RESULTS).read_text())["train"]["loss"]


def test_it_goes_on_where_the_epochs_end(ended, plain):
    steps = [[json.loads(line) for line in (run / folder.STEPS).read_text().splitlines()] for run in (ended, plain)]
    assert steps[0] == steps[1]
    assert losses(ended) < losses(plain)
    for run in (ended, plain):
        last = json.loads((run / folder.METRICS).read_text().splitlines()[-1])
        same = json.loads((run / folder.RESULTS).read_text())["test"]["loss"] == pytest.approx(last["test_loss"])
        assert same == (run is plain)


def test_the_page_says_it(ended, plain):
    said = "of a sine, after 3 epochs and L-BFGS on all training points (4 steps at most)."
    assert said in (ended / folder.REPORT).read_text()
    assert (
        "Curves, times, steps and the table by epoch are those of the epochs alone."
        in (ended / folder.REPORT).read_text()
    )
    assert "L-BFGS" not in (plain / folder.REPORT).read_text()


def test_it_is_told_as_it_begins_and_by_whom_it_was_stopped(told, tmp_path, monkeypatch):
    words = ("train", *TINY, "--lbfgs", 4, "--out", tmp_path / "run")

    def stopped(*_):
        raise signals.Stopped(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(sine, "descended", stopped)
        code, out, _ = told(*words)
    assert code == 130
    assert "then L-BFGS on all training points (4 steps at most)\n" in out
    assert "all epochs are saved; what comes behind them begins again with:\n" in out
    assert told(*words, "--resume")[0] == 0


def test_points_that_are_held_back_are_not_descended_on(told, tmp_path):
    """And early stopping says with which net the epochs ended."""
    words = ("train", *TINY, "--lbfgs", 4, "--validation-examples", 20, "--patience", 1, "--out", tmp_path / "run")
    code, out, _ = told(*words)
    assert code == 0
    assert "they end with the net of epoch" in out
    assert "Early stopping: the epochs end with the net of epoch" in (tmp_path / "run" / folder.REPORT).read_text()
    seen = []

    def look(net, x, y, steps, params):
        seen.append(x)
        return params

    config = get("best-sine").settings(train_examples=48, validation_examples=20, lbfgs=4)
    problem = sine.problem(config, None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sine, "descended", look)
        problem = sine.problem(config, None)
        problem.ended({})
    np.testing.assert_array_equal(seen[0], problem.train[0])
    assert len(seen[0]) == 28


def test_a_penalty_is_refused_beside_it(told, tmp_path):
    code, _, err = told("train", *TINY, "--l2", 0.1, "--out", tmp_path / "run")
    assert code == 2
    assert "lbfgs: expected l2 0 with it, as L-BFGS has no penalty, got 0.1; or say --lbfgs 0" in err


def test_a_run_that_was_ended_before_it_comes_to_the_same_bytes(ended, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(ended, run)
    for name in (folder.RESULTS, folder.REPORT, folder.PARAMS):
        (run / name).unlink()
    assert main([*map(str, ("train", *TINY, "--lbfgs", 4, "--out", run, "--resume"))]) == 0
    assert (run / folder.PARAMS).read_bytes() == (ended / folder.PARAMS).read_bytes()


def test_replay_compares_what_it_leaves(ended, plain, told, tmp_path):
    assert told("replay", ended)[0] == told("replay", plain)[0] == 0
    run = tmp_path / "run"
    shutil.copytree(ended, run)
    shutil.copy(plain / folder.PARAMS, run / folder.PARAMS)
    code, out, _ = told("replay", run)
    assert code == 1
    assert "weight" in out


def test_no_points_are_none(told, tmp_path):
    code, _, err = told("train", *TINY, "--lbfgs", -1, "--out", tmp_path / "run")
    assert code == 2
    assert "lbfgs: expected a whole number ≥ 0, got -1" in err
    assert not (tmp_path / "run").exists()


def test_runs_from_before_it_were_made_without(plain, tmp_path):
    """Whatever is usual now."""
    content = json.loads((plain / folder.CONFIG).read_text())
    del content["config"]["lbfgs"]
    shutil.copytree(plain, tmp_path / "run")
    (tmp_path / "run" / folder.CONFIG).write_text(json.dumps(content))
    assert folder.opened(tmp_path / "run").settings.lbfgs == 0
    assert get("best-sine").settings().lbfgs > 0
    assert identity.older(get("best-sine"))["lbfgs"] == 0
    assert main(["replay", str(tmp_path / "run")]) == 0


def test_the_net_is_of_float32(ended):
    params = checkpoint.load(ended / folder.PARAMS)
    assert {leaf.dtype for leaf in params.values()} == {np.dtype(np.float32)}
