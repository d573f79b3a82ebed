"""The digest of the code covers what computes, and nothing else."""

import ast
import importlib
from pathlib import Path
from types import FunctionType

import pytest

from experiments.engine import depends, store

ROOT = Path(__file__).resolve().parents[2]
COMPUTES = (
    "fnnet/kernels/affine.py",
    "fnnet/layers/dense.py",
    "experiments/reports/r1/tasks.py",
    "fnnet/runs/settings.py",
)
ELSEWHERE = (
    "fnnet/layers/lstm.py",
    "experiments/reports/r2/tasks.py",
    "fnnet/testing/laws.py",
    "experiments/reports/r1/studies.py",
    "experiments/engine/board.py",
    "experiments/engine/results.py",
    "fnnet/runs/plots.py",
    "experiments/registry.py",
    "experiments/bench/race.py",
)
BEFORE = '"""Says."""\n\ndef f(x):\n    if x < 0:\n        raise ValueError("negative")\n    return x + 1\n'


TASK = "experiments.reports.r1.tasks:train"


def watched():
    return store.watched_code(TASK)


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A few modules of the task's and others, in a place where they can be changed."""
    store.code_digest.cache_clear()
    for name in (*COMPUTES, *ELSEWHERE):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(BEFORE)
    files = {name: depends.file_of(name).relative_to(ROOT) for name in depends.modules(TASK.partition(":")[0])}
    there = [name for name, path in files.items() if (tmp_path / path).is_file()]
    assert {files[name].as_posix() for name in there} == set(COMPUTES)
    monkeypatch.setattr(store, "_ROOT", tmp_path)
    monkeypatch.setattr(depends, "modules", lambda name: there)
    monkeypatch.setattr(depends, "file_of", lambda name: tmp_path / files[name])
    yield tmp_path
    store.code_digest.cache_clear()


def digest_with(tree, name, old, new):
    path = tree / name
    path.write_text(BEFORE.replace(old, new))
    found = store.fresh_digest(TASK)
    path.write_text(BEFORE)
    return found


@pytest.mark.parametrize("name", COMPUTES)
def test_other_arithmetic_is_other_code(tree, name):
    before = store.fresh_digest(TASK)
    assert digest_with(tree, name, "x + 1", "x + 2") != before
    assert digest_with(tree, name, "x < 0", "x <= 0") != before
    assert digest_with(tree, name, "ValueError", "KeyError") != before


@pytest.mark.parametrize("name", COMPUTES)
def test_other_words_are_the_same_code(tree, name):
    before = store.fresh_digest(TASK)
    told = store.meaning("class A:\n    x: int = 1\n    'About x.'\n")
    assert told == store.meaning("class A:\n    x: int = 1\n    'Of x.'\n")
    for old, new in (("Says", "Tells"), ("negative", "less than 0"), ("x + 1", "x + 1  # one"), ("x + 1", "(x + 1)")):
        assert digest_with(tree, name, old, new) == before


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_is_changed_elsewhere_does_not_count(tree, name):
    assert digest_with(tree, name, "x + 1", "x + 2") == store.fresh_digest(TASK)


def test_a_module_that_is_missing_is_noticed(tree):
    name = watched()
    (tree / COMPUTES[0]).unlink()
    assert name() == store.CHANGED


@pytest.mark.parametrize("name", ["r1.tasks", "r2.tasks", "r3.tasks", "r4.tasks", "r5.tasks", "best.tasks", "bias"])
def test_what_a_task_imports_is_among_what_it_depends_on(name):
    """Every name that a module takes from another leads to a module of its list, but for what computes nothing."""
    found = set(depends.modules(f"experiments.reports.{name}"))
    for module in found:
        for node in ast.walk(ast.parse(depends.file_of(module).read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("experiments", "fnnet")):
                for alias in node.names:
                    value = getattr(importlib.import_module(node.module), alias.name, None)
                    home = value.__module__ if isinstance(value, FunctionType) else None
                    assert home is None or home in found or home.startswith(depends.LEFT_OUT), (module, alias.name)


def test_a_package_handed_on_counts_whole():
    found = set(depends.modules("tests.studies.reaching"))
    assert {"fnnet.metrics.accuracy", "fnnet.metrics.ranking"} <= found  # `metrics` is handed on
    assert "fnnet.layers.dense" in found  # one attribute is asked of `layers`
    assert "fnnet.layers.lstm" not in found


def test_code_that_changes_under_a_run_is_noticed(tree):
    name, path = watched(), tree / COMPUTES[0]
    before = store.fresh_digest(TASK)
    assert name() == before
    path.write_text(BEFORE.replace("Says", "Tells"))
    assert name() == before
    for after in (BEFORE.replace("x + 1", "x + 11"), "def f(:"):
        path.write_text(after)
        assert name() == store.CHANGED
