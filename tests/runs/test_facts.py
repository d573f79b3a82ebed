"""What is recorded of the code: all of its sources, in a clone and where it is installed."""

import json
import os
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from fnnet.runs import facts
from tests.runs.conftest import ROOT


def of_another_process(**variables):
    script = "import json; from fnnet.runs import facts; print(json.dumps(facts.environment()))"
    env = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_masked_instructions_are_recorded():
    """So that a replay whose bytes differ for them says why."""
    before, found = of_another_process(), np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    assert before["processor features"].split()[-len(found) :] == found or not found
    if found:
        masked = of_another_process(NPY_DISABLE_CPU_FEATURES=" ".join(found))
        (told,) = facts.changed(before, masked)
        assert told.startswith(f"processor features: {before['processor features']} when the run began, ")
    tuned = of_another_process(GLIBC_TUNABLES="glibc.malloc.check=0")
    assert [one.partition(":")[0] for one in facts.changed(before, tuned)] == ["libc"]


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A tree like fnnet's, in a git repository that may be somebody else's."""
    for name in ("fnnet/a.py", "fnnet/runs/b.py", "experiments/c.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    identity = ["-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, "commit", "-q", "--allow-empty", "-m", "m"], cwd=tmp_path, check=True)
    monkeypatch.setattr(facts, "_ROOT", tmp_path)
    return tmp_path


def test_the_digest_is_of_this_package():
    assert (facts._ROOT / "fnnet" / "runs" / "facts.py").samefile(facts.__file__)


@pytest.mark.parametrize(("clone", "counts"), [(True, True), (False, False)])
def test_what_the_digest_covers(sources, clone, counts):
    if clone:
        (sources / "pyproject.toml").touch()
    digests = [facts.fresh_digest()]
    for name in ("fnnet/a.py", "fnnet/runs/b.py", "experiments/c.py"):
        (sources / name).write_text("x = 2\n")
        digests.append(facts.fresh_digest())
    changed = [one != other for one, other in pairwise(digests)]
    assert changed == [True, True, counts]


def test_the_commit_is_fnnets_own_or_none(sources):
    assert facts.commit.__wrapped__() == "none"
    (sources / "pyproject.toml").touch()
    assert len(facts.commit.__wrapped__().rstrip("+")) >= 12
