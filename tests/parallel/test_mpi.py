"""Real processes under `mpiexec`, as many as there are cores and more."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from fnnet import parallel
from fnnet.errors import ConfigError
from tests.parallel import job

ROOT = Path(__file__).parents[2]
MPIEXEC = Path(sys.executable).with_name("mpiexec")
there = pytest.mark.skipif(
    find_spec("mpi4py") is None or not MPIEXEC.exists(), reason="needs fnnet[mpi], see fnnet[test]"
)


def mpiexec(n, word, seconds=120):
    command = [MPIEXEC, "-n", str(n), sys.executable, "-m", "mpi4py", "-m", "tests.parallel.job", word]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=seconds)


@there
@pytest.mark.parametrize("workers", [2, 3])
def test_processes_have_the_bytes_of_one(workers):
    done = mpiexec(workers, "train")
    assert done.returncode == 0, done.stderr
    alone = " ".join(job.main("train", parallel.alone()))
    assert sorted(done.stdout.split("\n")) == ["", *[f"{workers} {alone}"] * workers]


@there
def test_a_fault_of_one_process_ends_all_and_is_told():
    done = mpiexec(2, "fault")
    assert done.returncode != 0
    assert "fnnet.errors.WorkerError: worker 2 of 2: DataError: labels" in done.stderr


@there
def test_a_process_that_dies_ends_all():
    done = mpiexec(2, "kill")
    assert done.returncode != 0
    assert "(signal 9)" in done.stdout


def test_without_mpi(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(ConfigError, match=r"mpi: expected mpi4py and an MPI library, got .*pip install 'fnnet\[mpi\]'"):
        parallel.mpi()
