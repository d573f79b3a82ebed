"""The digest of the code covers what computes, and nothing else."""

import ast
from pathlib import Path

import pytest

from experiments.engine import store

ROOT = Path(__file__).resolve().parents[2]
COMPUTES = (
    "fnnet/kernels/affine.py",
    "fnnet/layers/dense.py",
    "experiments/reports/r1/tasks.py",
    "fnnet/runs/settings.py",
)
TELLS = (
    "fnnet/testing/laws.py",
    "experiments/reports/r1/studies.py",
    "experiments/engine/board.py",
    "experiments/engine/results.py",
    "fnnet/runs/plots.py",
    "experiments/registry.py",
    "experiments/bench/race.py",
)
BEFORE = '"""Says."""\n\ndef f(x):\n    if x < 0:\n        raise ValueError("negative")\n    return x + 1\n'


@pytest.fixture
def tree(tmp_path, monkeypatch):
    for name in (*COMPUTES, *TELLS):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(BEFORE)
    monkeypatch.setattr(store, "_ROOT", tmp_path)
    return tmp_path


def digest_with(tree, name, old, new):
    path = tree / name
    path.write_text(BEFORE.replace(old, new))
    found = store.fresh_digest()
    path.write_text(BEFORE)
    return found


@pytest.mark.parametrize("name", COMPUTES)
def test_other_arithmetic_is_other_code(tree, name):
    before = store.fresh_digest()
    assert digest_with(tree, name, "x + 1", "x + 2") != before
    assert digest_with(tree, name, "x < 0", "x <= 0") != before
    assert digest_with(tree, name, "ValueError", "KeyError") != before


@pytest.mark.parametrize("name", COMPUTES)
def test_other_words_are_the_same_code(tree, name):
    before = store.fresh_digest()
    told = store.meaning("class A:\n    x: int = 1\n    'About x.'\n")
    assert told == store.meaning("class A:\n    x: int = 1\n    'Of x.'\n")
    for old, new in (("Says", "Tells"), ("negative", "less than 0"), ("x + 1", "x + 1  # one"), ("x + 1", "(x + 1)")):
        assert digest_with(tree, name, old, new) == before


@pytest.mark.parametrize("name", TELLS)
def test_what_asks_and_shows_does_not_count(tree, name):
    assert digest_with(tree, name, "x + 1", "x + 2") == store.fresh_digest()


def test_a_module_that_is_missing_is_noticed(tree):
    before = store.fresh_digest()
    (tree / COMPUTES[0]).unlink()
    assert store.fresh_digest() != before


def test_tasks_depend_on_nothing_else():
    """Of `study` they have the form of a result, of `datasets` a word."""
    covered = {path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for path in store.computing()}
    allowed = {name.removesuffix(".__init__") for name in covered} | {"experiments.engine.study", "fnnet.runs.datasets"}
    for path in store.computing():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("experiments", "fnnet")):
                names = {f"{node.module}.{alias.name}" for alias in node.names}
                assert node.module in allowed or names <= allowed, f"{path}: {names}"


def test_code_that_changes_under_a_run_is_noticed(tree):
    name, path = store.watched_code(), tree / COMPUTES[0]
    before = store.fresh_digest()
    assert name() == before
    path.write_text(BEFORE.replace("Says", "Tells"))
    assert name() == before
    for after in (BEFORE.replace("x + 1", "x + 11"), "def f(:"):
        path.write_text(after)
        assert name() == store.CHANGED
