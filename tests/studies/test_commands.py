"""The command line of the studies."""

import os
import re
import subprocess
import sys

import pytest

from experiments import registry
from experiments.cli import main
from fnnet.runs.registry import EXPERIMENTS
from tests.runs.conftest import ROOT


@pytest.fixture
def told(capsys):
    """Run a command in this process; its exit code, what it said, and what it said of faults."""

    def run(*words):
        capsys.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_list_names_everything_and_loads_nothing_heavy():
    script = (
        "import sys; from experiments.cli import main; code = main(['list']); "
        "heavy = {'numpy', 'optree', 'tyro', 'rich', 'matplotlib', 'scipy', 'sklearn'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else code)"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    for name, (_, asks) in EXPERIMENTS.items():
        assert re.search(rf"^{name} +{re.escape(asks)}$", done.stdout, re.MULTILINE)
    for name in registry.STUDIES:
        assert re.search(rf"^{name} +\w", done.stdout, re.MULTILINE)
    assert "R1–R5: five course reports" in done.stdout


FAULTS = [
    ((), 2, "usage"),
    (("lits",), 2, "unknown command 'lits'; did you mean list?"),
    (("predict", "runs/a"), 2, r"unknown command 'predict'; it is a command of fnnet: \S+ -m fnnet predict"),
    (("list", "more"), 2, "list: expected no further words"),
    (("run", "lenet"), 2, "experiment: expected .*lenet5.*, got 'lenet'; did you mean lenet5?"),
    (("run", "r1-layer"), 2, "expected lenet5, .*, a study or all, got 'r1-layer'; did you mean r1-layers?"),
    (("run", "r1-layers", "--epochs", "3"), 2, "Unrecognized options: --epochs"),
    (("run", "r1-layers", "--threads", "100000"), 2, "--threads: expected at most"),
]


def test_a_name_of_both_is_the_study(told):
    """`fnnet train best-sine` trains one; here it is a study, with the options of studies."""
    code, out, _ = told("run", "best-sine", "--help")
    assert code == 0
    assert "--jobs" in out
    assert "--epochs" not in out


@pytest.mark.parametrize(("words", "code", "fault"), FAULTS, ids=[" ".join(words) or "nothing" for words, *_ in FAULTS])
def test_faults_are_told_in_a_line(words, code, fault, told):
    found, out, err = told(*words)
    assert found == code
    assert re.search(fault, out + err)
    assert "Traceback" not in err


def test_run_trains_what_train_trains(told, tmp_path):
    settings = ("--data", "bundled", "--epochs", "1", "--train-examples", "64", "--out", tmp_path / "run")
    code, out, err = told("run", "lenet5", *settings)
    assert (code, "test accuracy" in out) == (0, True), err
    assert (tmp_path / "run" / "params.safetensors").is_file()
    assert told("report", tmp_path / "run")[0] == 0
