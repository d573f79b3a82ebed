"""Run folders: what one holds, how a run gets in, and what is read of it.

config.json           the experiment, its settings, the data: what makes this run this run
sessions.json         when it was started and resumed, and on what: versions, threads, processor
steps.jsonl           the loss of every step; every 50 steps a digest of every leaf of the params
metrics.jsonl         one line an epoch
checkpoint.safetensors    to resume from: the whole `trainer.Position`, early stopping's memory with it
params.safetensors    the trained net
results.json          loss and what else is measured and counted at the end, time and memory
report.md and *.png   to read
.lock                 held while a process works in the folder; by `flock`, so on POSIX systems only
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from fnnet.data.images import left_behind
from fnnet.errors import DataError, FnnetError, expected
from fnnet.files import TEMPORARY
from fnnet.runs import files, identity
from fnnet.runs.experiment import Experiment, Problem
from fnnet.runs.identity import Identity
from fnnet.runs.registry import get
from fnnet.runs.settings import Settings

CONFIG, SESSIONS, STEPS, METRICS = "config.json", "sessions.json", "steps.jsonl", "metrics.jsonl"
CHECKPOINT, PARAMS, RESULTS, REPORT = "checkpoint.safetensors", "params.safetensors", "results.json", "report.md"
LOCK = ".lock"
NON_FINITE = "non_finite"  # in a session: the step that met NaN or infinity and ended it
ANOTHER = "start another run, with another --out and, say, a lower --learning-rate"


class RunError(FnnetError):
    """A run folder is not what it should be, or not for this run."""


@attrs.frozen(eq=False)
class Run:
    """A run in its folder, as config.json tells; that is read once, when the folder is opened.

    Args:
        folder: where it is.
        identity: what config.json says.
        experiment, settings: what it trains, and how: the same as values.
    """

    folder: Path
    identity: Identity
    experiment: Experiment
    settings: Settings

    @property
    def finished(self) -> bool:
        """Whether all its files are there: the results are written last."""
        return (self.folder / RESULTS).is_file()

    @property
    def whole(self) -> Identity:
        """Its identity, also with the settings that came after it."""
        return attrs.evolve(self.identity, config=identity.plain(self.settings))

    def sessions(self) -> list[dict[str, Any]]:
        """When it was started and resumed, and on what: the content of sessions.json; empty where there is none.

        Raises:
            DataError: it is damaged.
        """
        return read_sessions(self.folder)

    def facts(self) -> dict[str, Any]:
        """What it was last started or resumed on; nothing where that was not recorded.

        Raises:
            DataError: sessions.json is damaged.
        """
        sessions = self.sessions()
        return dict(sessions[-1]["facts"]) if sessions else {}

    def steps(self) -> list[dict[str, Any]]:
        """The lines of steps.jsonl: `step`, `loss`, and in some `digests`; empty where there is none.

        Raises:
            DataError: a line is damaged.
        """
        return _numbered(self.folder / STEPS, "step", 0, ("loss",))

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl; empty where there is none.

        Raises:
            DataError: a line is damaged.
        """
        quantities = ("loss", *self.experiment.answers.metrics)
        names = [f"{part}_{quantity}" for part in ("train", "test") for quantity in quantities]
        validation = tuple(f"validation_{quantity}" for quantity in quantities)  # in all lines or in none
        return _numbered(self.folder / METRICS, "epoch", 1, (*names, "seconds", "examples_per_second"), validation)

    def results(self) -> dict[str, Any]:
        """The content of results.json.

        Raises:
            DataError: it is damaged.
        """
        path = self.folder / RESULTS
        results = files.read_json(path)
        tested = results.get("test") if isinstance(results, dict) else None
        name = self.experiment.answers.headline.name
        if not isinstance(tested, dict) or not _is_number(tested.get(name)):
            raise DataError(expected(str(path), f"results with test.{name}", repr(results)[:80]))
        return dict(results)

    def tested(self) -> str:
        """The headline on the test set in words, of a finished run.

        Raises:
            DataError: results.json is damaged.
        """
        headline = self.experiment.answers.headline
        return headline.told(self.results()["test"][headline.name])


def opened(folder: Path) -> Run:
    """The run in a folder, to read.

    Raises:
        RunError: there is no run in this folder.
        DataError: config.json is damaged; the message names the field.
        ConfigError: this version has no such experiment, or one with other settings.
    """
    if not (folder / CONFIG).is_file():
        got = "a folder without it" if folder.is_dir() else "no such folder"
        raise RunError(expected(str(folder), f"a run folder, with {CONFIG}", got))
    found = identity.read(folder / CONFIG)
    experiment = get(found.experiment)
    return Run(folder, found, experiment, identity.settings(experiment, found.config, folder / CONFIG))


@contextmanager
def held(folder: Path) -> Iterator[Run]:
    """The run in a folder, to write: held against other processes.

    Raises:
        RunError: there is none, or another process holds it.
        DataError: config.json is damaged.
    """
    with locked(folder):
        yield opened(folder)


@contextmanager
def begun(folder: Path, experiment: Experiment, settings: Settings, problem: Problem) -> Iterator[Run]:
    """A new run in a new or empty folder, to write: held against other processes.

    Raises:
        RunError: the folder holds something, or another process holds it.
    """
    with locked(folder):
        if (folder / CONFIG).is_file():
            raise RunError(expected(str(folder), "an empty folder", "a run that another process has just begun"))
        wanted = identity.identity(experiment, settings, problem)
        files.write(folder / CONFIG, wanted.json)
        yield Run(folder, wanted, experiment, settings)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run folder, made if need be, against other processes; a process that dies lets go of it.

    Raises:
        RunError: another process holds it, or it is no place for a run.
        OSError: the folder cannot be made or written.
        ConfigError: the system has no `flock`, see `files.exclusive`.
    """
    check_usable(folder)
    wanted = "a run folder that no other process is working in"
    busy = RunError(expected(str(folder), wanted, "one in use", "wait, or choose another --out"))
    with files.exclusive(folder, LOCK, busy):
        yield


def check_usable(folder: Path) -> None:
    """Raise unless a run could be in this folder: it is new, empty, or holds a run. Nothing in it is touched.

    What systems leave behind, such as .DS_Store, does not count.

    Raises:
        RunError: it is no folder, or one of other things.
    """
    if not folder.exists() or (folder / CONFIG).is_file():
        return
    if not folder.is_dir():
        raise RunError(expected(f"--out {folder}", "a folder", "a file"))
    others = sorted(
        path.name
        for path in folder.iterdir()
        if path.name != LOCK and path.suffix != TEMPORARY and not left_behind(path.name, hidden=False)
    )
    if others:
        names = f"{', '.join(others[:3])}{' …' if len(others) > 3 else ''}"
        raise RunError(
            expected(f"--out {folder}", "a new or empty folder, or a run to resume", f"one that holds {names}")
        )


def check_same(run: Run, wanted: Identity, resume: bool) -> None:
    """Raise unless a run is the one that is asked for, and finished or to be resumed.

    Raises:
        RunError: it is another; or this one, begun but not finished, and `resume` is false.
    """
    folder = run.folder
    if different := identity.differences(run.whole, wanted):
        held = f"another run: {'; '.join(different)}"
        other = f"choose another --out, such as {folder}-2"
        fix = f"ask for the same to resume it, or {other}" if resume else other
        raise RunError(expected(f"--out {folder}", "an empty folder or this very run", held, fix))
    if not resume and not run.finished:
        if (step := non_finite(run.sessions())) is not None:
            raise RunError(f"{folder}: this run met a non-finite number at step {step}; {ANOTHER}")
        fix = "add --resume to go on with it, or choose another --out"
        raise RunError(expected(f"--out {folder}", "an empty folder", "this very run, begun", fix))


def read_sessions(folder: Path) -> list[dict[str, Any]]:
    """`Run.sessions`, of a folder.

    Raises:
        DataError: sessions.json is damaged.
    """
    path = folder / SESSIONS
    sessions = files.read_json(path) if path.is_file() else []
    whole = isinstance(sessions, list) and all(
        isinstance(one, dict) and isinstance(one.get("facts"), dict) and isinstance(one.get("after_step"), int)
        for one in sessions
    )
    if not whole:
        wanted = "a list of sessions with started, after_step and facts"
        raise DataError(expected(str(path), wanted, repr(sessions)[:80]))
    return sessions


def add_session(run: Run, session: dict[str, Any]) -> None:
    """Record that the run is started or resumed."""
    files.write(run.folder / SESSIONS, files.to_json([*run.sessions(), session]))


def non_finite(sessions: list[dict[str, Any]]) -> int | None:
    """The step at which a number that is not finite ended a run; None where that did not happen."""
    return sessions[-1].get(NON_FINITE) if sessions else None


def note_non_finite(run: Run, step: int) -> None:
    """Record that the present session ended at this step, at a number that is not finite."""
    *before, last = run.sessions()
    files.write(run.folder / SESSIONS, files.to_json([*before, {**last, NON_FINITE: step}]))


def _numbered(
    path: Path, counter: str, first: int, names: tuple[str, ...], together: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    """Lines that count up by one and hold numbers of these names, and all of `together` where one line has one."""
    rows = files.rows(path)
    if any(name in row for row in rows for name in together):
        names += together
    for i, row in enumerate(rows):
        if row.get(counter) != first + i:
            got = repr(row.get(counter))[:40]
            raise DataError(expected(f"{path}, line {i + 1}: {counter}", first + i, got))
        for name in names:
            if not _is_number(row.get(name)):
                raise DataError(expected(f"{path}, line {i + 1}: {name}", "a number", repr(row.get(name))[:40]))
        digests = row.get("digests", {})
        if not isinstance(digests, dict) or not all(isinstance(digest, str) for digest in digests.values()):
            raise DataError(expected(f"{path}, line {i + 1}: digests", "an object of strings", repr(digests)[:40]))
    return rows


def _is_number(value: Any) -> bool:
    """Whether a value from JSON is one that a float can hold: Python reads NaN, Infinity and 1e999 as well."""
    return type(value) in (int, float) and abs(value) <= sys.float_info.max
