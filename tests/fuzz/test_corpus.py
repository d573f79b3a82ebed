"""The seeds are sound, and what fuzzing has found stays found."""

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS, run

CORPUS = Path(__file__).parent / "corpus"
FOUND = sorted(path for path in CORPUS.glob("*/*") if path.is_file())


@pytest.mark.parametrize("name", TARGETS)
def test_seeds(name, tmp_path):
    target = TARGETS[name]
    for seed in target.seeds():
        (tmp_path / "seed").write_bytes(seed)
        target.check(tmp_path / "seed")


@pytest.mark.parametrize("path", FOUND, ids=[f"{path.parent.name}/{path.name}" for path in FOUND])
def test_found(path, tmp_path):
    assert path.stat().st_size <= 4096
    run(TARGETS[path.parent.name], path.read_bytes(), tmp_path / "file")
