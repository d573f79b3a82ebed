"""A run of the main job on the bundled digits, small enough to be made several times over."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fnnet.runs.cli import main

ROOT = Path(__file__).resolve().parents[2]
SMALL = ["--data", "bundled", "--epochs", "4", "--learning-rate", "0.003"]
STOPPING = [
    *("--data", "bundled", "--epochs", "20", "--learning-rate", "0.01", "--schedule", "constant"),
    *("--validation-examples", "300", "--patience", "2"),
]


@contextmanager
def command(
    *words: object, limit: Callable[[], None] | None = None, **variables: object
) -> Iterator[subprocess.Popen[str]]:
    """`python -m fnnet` in a process of its own, its output in a pipe; killed if it is still there at the end.

    Args:
        words: the command line.
        limit: called in the new process before the program begins.
        variables: of its environment.
    """
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    env |= {name: str(value) for name, value in variables.items()}
    env.pop("FNNET_DATA", None)
    line = [sys.executable, "-m", "fnnet", *map(str, words)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(line, env=env, preexec_fn=limit, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(process: subprocess.Popen[str], beginning: str) -> None:
    """Read lines until one begins so."""
    assert reaches(process, beginning), f"the program ended without saying {beginning!r}"


def reaches(process: subprocess.Popen[str], beginning: str) -> bool:
    """Read lines until one begins so, and whether one did."""
    assert process.stdout is not None
    return any(line.startswith(beginning) for line in process.stdout)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an undisturbed run. Read only."""
    out = tmp_path_factory.mktemp("runs") / "undisturbed"
    assert main(["train", "lenet5", *SMALL, "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="session")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an undisturbed run that early stopping ended. Read only."""
    out = tmp_path_factory.mktemp("runs") / "stopped"
    assert main(["train", "lenet5", *STOPPING, "--out", str(out)]) == 0
    return out


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command in this process; its exit code, what it said, and what it said of faults."""

    def run(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        return code, out, err

    return run
