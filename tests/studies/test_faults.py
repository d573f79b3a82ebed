"""The table of faults in docs/beyond-one-machine.md, by processes that are killed, lack something or run full."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from experiments.engine import conduct, engines, executors, store
from experiments.engine.study import Study
from experiments.reports import sources
from fnnet.errors import ConfigError
from tests.studies import tasks
from tests.studies.tasks import study

ROOT = Path(__file__).parents[2]
dask = pytest.mark.skipif(find_spec("distributed") is None, reason="needs distributed, which the extra `test` brings")
DASK = [sys.executable, "-m", "dask"]


@contextmanager
def running(*words: Any, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own, which is ended in the end with all that it began."""
    where = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **environment}
    how: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": where["PYTHONPATH"]}
    with subprocess.Popen([str(word) for word in words], env=where, start_new_session=True, **how) as process:
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def until(done: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.05)


@contextmanager
def scheduler(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A Dask scheduler on 127.0.0.1: its address, and its process."""
    file = folder / "scheduler.json"
    words = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", file]
    with running(*DASK, "scheduler", *words) as process:
        until(lambda: file.exists() and file.read_text().endswith("}"))
        yield json.loads(file.read_text())["address"], process


@contextmanager
def worker(address: str, folder: Path, preload: str = "", **environment: str) -> Iterator[None]:
    """A worker that has run some lines of Python before all others."""
    (folder / "before.py").write_text(preload)
    words = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "0"]
    words += ["--local-directory", str(folder), "--preload", str(folder / "before.py"), "--host", "127.0.0.1"]
    with running(*DASK, "worker", address, *words, **environment):
        yield


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with scheduler(tmp_path_factory.mktemp("scheduler")) as (found, _):
        yield found


def refused(address: str, out: Path, asked: Study, **options: Any) -> str:
    """What the command says that does not begin; not a run is made."""
    with pytest.raises(ConfigError) as caught:
        conduct.run_studies([asked], out, on=f"dask:{address}", **options)
    assert list(out.glob("*-seed*.json")) == []
    return str(caught.value)


@dask
def test_a_worker_without_the_clone(address, tmp_path):
    lacking = """
import sys

class Lacking:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("experiments", "tests", "fnnet"):
            raise ModuleNotFoundError(f"No module named {name!r}")

sys.meta_path.insert(0, Lacking())
"""
    with worker(address, tmp_path, lacking):
        told = refused(address, tmp_path / "own", study(tasks.good))
    assert told.startswith("a worker: expected this code, got ")
    assert told.endswith("give it this clone")


@dask
def test_a_worker_with_another_version_of_the_code(address, tmp_path):
    clone = tmp_path / "clone"
    for package in ("fnnet", "experiments", "tests"):
        shutil.copytree(ROOT / package, clone / package, ignore=shutil.ignore_patterns("__pycache__", "*.png", "*.xz"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, clone)
    with (clone / "fnnet" / "losses" / "__init__.py").open("a") as file:
        file.write("\nANOTHER = 1\n")
    with worker(address, tmp_path, PYTHONPATH=str(clone)):
        told = refused(address, tmp_path / "own", study(tasks.good))
    assert ": expected code " in told
    assert told.endswith("; give it this clone")


@dask
def test_a_worker_with_another_numpy(address, tmp_path):
    with worker(address, tmp_path, "import numpy\nnumpy.__version__ = '1.0.stand-in'"):
        told = refused(address, tmp_path / "own", study(tasks.good))
    assert ": expected numpy " in told
    assert told.endswith("got 1.0.stand-in; give it this NumPy")


@dask
def test_a_worker_without_the_data(address, tmp_path, monkeypatch):
    """The command finds them, a worker whose FNNET_DATA names an empty folder does not."""
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(sources, "load", lambda *_: None)
    with worker(address, tmp_path, FNNET_DATA=str(tmp_path / "empty")):
        told = refused(address, tmp_path / "own", study(tasks.good, data=("hanzi",)))
    assert ": expected the data hanzi, got none; " in told
    assert str(tmp_path / "empty") in told


def ended(out: Path, address: str, end: Callable[[], object], got: str) -> None:
    """Make a study of four runs whose workers are ended once two are made, and see what is said."""

    def later() -> None:
        until(lambda: len(files_of(out)) == 2)
        end()

    killer = threading.Thread(target=later)
    killer.start()
    with pytest.raises(ConfigError, match=f"workers: expected ones that take runs, got {got}"):
        conduct.run_studies([study(tasks.lasts)], out, on=f"dask:{address}")
    killer.join()


@dask
def test_a_scheduler_that_dies(tmp_path, monkeypatch):
    out = tmp_path / "own"
    monkeypatch.setattr(executors, "SECONDS", 1.0)
    monkeypatch.setattr(engines, "SECONDS", 5.0)
    with ExitStack() as held:
        address, process = held.enter_context(scheduler(tmp_path))
        held.enter_context(worker(address, tmp_path))
        ended(out, address, process.kill, ".*what is finished is kept")
    assert len(files_of(out)) == 2
    _, there = conduct.plan([study(tasks.lasts)], out)
    assert len(there) == 2


def files_of(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.glob("*-seed*.json")}


def job(task: str, out: Path, limit: Any = None) -> tuple[int, str]:
    """The exit code of a command, and what it told of its faults."""
    words = [sys.executable, "-m", "tests.studies.job", "make", task, str(out)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120, preexec_fn=limit)
    return done.returncode, done.stderr


def test_a_disk_that_is_full(tmp_path):
    """Files may not grow beyond a size, in place of a full disk: those of one setting do not fit any more."""
    out = tmp_path / "own"
    assert job("good", out) == (0, "")
    wanted = files_of(out)
    kept = {name: content for name, content in wanted.items() if len(content) < 5_000}
    assert (len(wanted), len(kept)) == (4, 2)
    for name in wanted.keys() - kept.keys():
        (out / name).unlink()
    code, told = job("good", out, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, resource.RLIM_INFINITY)))
    assert code == 1
    assert "File too large" in told
    assert "Traceback" not in told
    assert files_of(out) == kept
    assert list(out.glob(".*.tmp")) == []
    assert job("good", out) == (0, "")
    assert files_of(out).keys() == wanted.keys()
    assert {name: files_of(out)[name] for name in kept} == kept


def test_two_commands_in_one_folder(tmp_path):
    out = tmp_path / "own"
    with running(sys.executable, "-m", "tests.studies.job", "make", "lasts", out):
        until(lambda: len(files_of(out)) == 2)
        first = files_of(out)
        code, told = job("lasts", out)
        assert code == 2
        assert "that no other process is working in, got one in use" in told
        assert files_of(out) == first
    with store.locked(out):  # held by none that was killed
        assert files_of(out) == first


@dask
def test_workers_that_all_go_and_do_not_come_back(tmp_path, monkeypatch):
    out = tmp_path / "own"
    monkeypatch.setattr(executors, "SECONDS", 1.0)
    with ExitStack() as held:
        address, _ = held.enter_context(scheduler(tmp_path))
        leaving = held.enter_context(ExitStack())
        leaving.enter_context(worker(address, tmp_path))
        ended(out, address, leaving.close, "none left; what is ")
    assert len(files_of(out)) == 2
