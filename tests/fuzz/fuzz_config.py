"""The readers of a run folder's JSON under fuzzing: config.json, sessions.json, steps.jsonl and metrics.jsonl."""

import json
from collections.abc import Iterable
from pathlib import Path

from fnnet.errors import FnnetError
from fnnet.runs import folder as runs
from fnnet.runs import identity
from fnnet.runs.folder import Run
from fnnet.runs.identity import Identity
from fnnet.runs.registry import get

NAMES = (runs.CONFIG, runs.SESSIONS, runs.STEPS, runs.METRICS)


def seeds() -> Iterable[bytes]:
    config = identity.plain(get("lenet5").settings())
    yield json.dumps(
        {"experiment": "lenet5", "config": config, "source": "MNIST", "digests": {"a": "0"}, "format": 1}
    ).encode()
    yield b'[{"started": "2026-01-01", "after_step": 0, "facts": {"numpy": "2"}}]'
    yield b'{"step": 0, "loss": 2.5}\n{"step": 1, "loss": 1.5, "digests": {"a": "0"}}\n{"st'
    row = {"train_loss": 0.5, "train_accuracy": 1.0, "test_loss": 1, "test_accuracy": 1.0, "seconds": 2}
    yield json.dumps({"epoch": 1, **row, "examples_per_second": 1.5}).encode() + b"\n"


def check(path: Path) -> None:
    """Read one content as each of the files: it is sound as one of them, or each reader says what is wrong."""
    content = path.read_bytes()
    folder = path.parent / "run"
    folder.mkdir(exist_ok=True)
    for name in NAMES:
        (folder / name).write_bytes(content)
    faults = []
    run = Run(folder, Identity("lenet5", {}, "MNIST", {}), get("lenet5"), get("lenet5").settings())
    for read in (lambda: read_config(folder), run.sessions, run.steps, run.metrics):
        try:
            read()
        except FnnetError as error:
            faults.append(error)
    if len(faults) == len(NAMES):
        raise faults[0]


def read_config(folder: Path) -> None:
    """What is accepted as a config is the same after it was written and read again."""
    run = runs.opened(folder)
    assert identity.settings(run.experiment, identity.plain(run.settings), "again") == run.settings
