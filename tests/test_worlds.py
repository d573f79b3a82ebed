"""No foreign global state: everything public is right, and leaves no trace, in the worlds that processes live in.

Each world below is one process that goes the main paths (`tests/worlds.py`) among several settings at once; what comes
of them is what comes of them in the plain world, to the byte.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import pytest

ROOT = Path(__file__).resolve().parents[1]


@attrs.frozen
class World:
    """A process: its environment, Python's options, what it inherits, and where its words go."""

    variables: dict[str, str] = attrs.field(factory=dict)
    options: tuple[str, ...] = ("-W", "error")
    settings: tuple[str, ...] = ()
    inherit: Callable[[], Any] = lambda: None
    closed: tuple[int, ...] = ()
    deaf: bool = False  # whether who reads standard output has gone


_NOWHERE = "{folder}/matplotlibrc/home"  # below a file nothing can be made, by nobody

WORLDS = {
    "plain": World(),
    "numpy raises, pictures may be cut, asserts are out, docstrings too": World(
        options=("-OO",), settings=("raising", "truncated", "printing")
    ),
    "a notebook's matplotlib, LaTeX, no reader": World(
        {"MPLBACKEND": "module://nowhere.backend_inline", "MATPLOTLIBRC": "{folder}/matplotlibrc", "COLUMNS": "20"},
        deaf=True,
    ),
    "ASCII, no home, no terminal": World(
        {
            "PYTHONIOENCODING": "ascii:strict",
            "LC_ALL": "C",
            "HOME": _NOWHERE,
            "XDG_CACHE_HOME": _NOWHERE,
            "TERM": "dumb",
        },
        inherit=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    ),
    "Windows' letters, nothing to read from or write to": World(
        {"PYTHONIOENCODING": "cp1252:strict", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        closed=(0, 1, 2),
    ),
}
SAME = ("params", "predictions", "picture", "log", "files", "figure")


def live(world: World, folder: Path) -> dict[str, Any]:
    """What came of the main paths, and what was said."""
    (folder / "matplotlibrc").write_text("text.usetex: True\nfont.size: 40\nsavefig.dpi: 10\n")
    work = folder / "work"
    work.mkdir()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LC_", "FNNET"))}
    env |= {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    env |= {name: value.format(folder=folder) for name, value in world.variables.items()}

    def begin() -> None:
        world.inherit()
        for number in world.closed:
            os.close(number)

    reading, writing = os.pipe()
    if world.deaf:
        os.close(reading)
    out = (folder / "out").open("wb") if not world.deaf else os.fdopen(writing, "wb")
    line = [sys.executable, *world.options, str(ROOT / "tests" / "worlds.py"), str(folder), *world.settings]
    with out, (folder / "err").open("wb") as err:
        done = subprocess.run(line, env=env, stdout=out, stderr=err, cwd=work, preexec_fn=begin)
    if not world.deaf:
        os.close(reading)
        os.close(writing)
    said = {name: (folder / name).read_bytes() if (folder / name).exists() else b"" for name in ("out", "err")}
    fault = folder / "fault"
    assert done.returncode == 0, fault.read_text("utf-8") if fault.exists() else said["err"].decode("utf-8", "replace")
    assert list(work.iterdir()) == []
    return {**json.loads((folder / "told.json").read_text()), **said}


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """What came of every world."""
    folders = {name: tmp_path_factory.mktemp(f"world{i}") for i, name in enumerate(WORLDS)}
    with ThreadPoolExecutor(2) as pool:
        return {name: pool.submit(live, world, folders[name]) for name, world in WORLDS.items()}


@pytest.mark.parametrize("name", WORLDS)
def test_everything_is_right_and_leaves_no_trace(lived, name):
    told, plain = lived[name].result(), lived["plain"].result()
    assert told["changed"] == {}
    assert told["codes"] == {"train": 0, "predict": 0, "show": 0, "help": 0, "unknown": 2}
    assert told["half a picture"] == ["DataError", "DataError"]
    assert {what: told[what] for what in SAME} == {what: plain[what] for what in SAME}


def test_letters_that_an_encoding_lacks_are_told_by_number(lived):
    told = lived["ASCII, no home, no terminal"].result()
    assert told["out"].isascii()
    assert rb"fnnet COMMAND \u2026" in told["out"]
    assert b"unknown command" in told["err"]


def test_nothing_is_said_but_by_the_program(lived):
    plain = lived["plain"].result()
    assert plain["err"].decode().splitlines()[0].startswith("error: unknown command '…'")
    assert "lr=[0.1]" in plain["out"].decode()
