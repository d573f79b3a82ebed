"""What is recorded of the code: all of its sources, in a clone and where it is installed."""

import subprocess
from itertools import pairwise

import pytest

from fnnet.runs import facts


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
