"""The jobs of docs/beyond-one-machine.md in a SLURM of one node, which begins and ends with these tests."""

import os
import re
import subprocess
import sys
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import pytest

from experiments.engine import conduct
from experiments.engine.study import get
from fnnet.runs import files
from fnnet.runs.cli import main
from tests.parallel import slurm
from tests.studies.test_engines import answers

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "beyond-one-machine.md").read_text()
STUDY = "r1-bias"  # of five runs in its quick version

pytestmark = [
    pytest.mark.skipif(slurm.missing() is not None, reason=slurm.missing() or ""),
    pytest.mark.skipif(
        find_spec("distributed") is None or find_spec("mpi4py") is None, reason="needs fnnet[dask,mpi], see fnnet[test]"
    ),
]


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    with ExitStack() as held:
        try:
            found = held.enter_context(slurm.cluster(tmp_path_factory.mktemp("slurm")))
        except TimeoutError as error:
            pytest.skip(str(error))
        yield found


@pytest.fixture(scope="module")
def wanted(tmp_path_factory):
    """What one process makes of the study."""
    out = tmp_path_factory.mktemp("wanted")
    assert conduct.run_studies([get(STUDY)], out, quick=True, data="bundled", jobs=1) == 0
    found = figures(out)
    assert len(found) == 5
    return found


def submitted(environment, folder, about, changes):
    """What a job of the page said, whose script is the one about that; with other words in it, each of them there."""
    (script,) = (text for text in re.findall(r"```bash\n(#!/bin/bash\n.*?)```", PAGE, re.DOTALL) if about in text)
    for old, new in changes.items():
        assert old in script, old
        script = script.replace(old, new)
    (folder / "job").write_text(script)
    python = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"}
    done = subprocess.run(
        ["sbatch", "--parsable", f"--output={folder}/told-%a", folder / "job"],
        cwd=ROOT,
        env={**environment, **python},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    states = slurm.ended(environment, done.stdout.strip())
    told = "".join(path.read_text() for path in sorted(folder.glob("told-*")))
    assert states == {"COMPLETED"}, told
    return told


def figures(out):
    """What the runs of a study say but for the time they took and the machine."""
    return {
        name: [{k: v for k, v in row.items() if "second" not in k} for row in (run["final"], *run["rows"])]
        for name, run in answers(out).items()
    }


def of_study(out):
    return {"r4-batch": f"{STUDY} --quick --data bundled", "/shared/studies": str(out)}


def test_an_array_makes_the_parts_of_a_study(environment, wanted, tmp_path):
    out = tmp_path / "studies"
    changes = {**of_study(out), "--array=1-8": "--array=1-2", "--cpus-per-task=4": "--cpus-per-task=1"}
    submitted(environment, tmp_path, "--array", changes)
    assert figures(out) == wanted
    logs = [files.read_json(path) for path in sorted(out.glob("sessions-*-of-2.json"))]
    assert [[session["part"] for session in log] for log in logs] == [["1/2"], ["2/2"]]


def test_a_job_of_dask_workers_makes_a_study(environment, wanted, tmp_path):
    out = tmp_path / "studies"
    port = str(slurm.free_ports(1)[0])
    changes = {**of_study(out), "--ntasks=8": "--ntasks=2", "8786": port, "$(hostname)": "127.0.0.1"}
    told = submitted(environment, tmp_path, "dask scheduler", changes)
    assert "5 runs made" in told
    assert figures(out) == wanted


def test_srun_starts_the_processes_of_a_training(environment, tmp_path, capsys):
    words = ["--data", "bundled", "--train-examples", "100", "--epochs", "2", "--micro-batch", "16"]
    changes = {
        "--ntasks=4": "--ntasks=3",
        "--micro-batch 16": " ".join(words),
        "/shared/lenet5": str(tmp_path / "run"),
    }
    told = submitted(environment, tmp_path, "fnnet train", changes)
    assert "1 thread in each of 3 workers" in told
    assert main(["train", "lenet5", *words, "--out", str(tmp_path / "alone")]) == 0
    for name in ("config.json", "checkpoint.safetensors", "params.safetensors", "steps.jsonl"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()
