"""Run files: one JSON file a run, written whole at its end, and a digest of the code that made it."""

import ast
import datetime
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import attrs

from experiments.engine import depends
from experiments.engine.study import Result, Run, Study, StudyResults, Task, defaults, get, run_id, task_name
from fnnet.errors import ConfigError, DataError, expected
from fnnet.runs import facts, files

FORMAT = 1
SESSIONS, LOCK = "sessions.json", ".lock"
CHANGED = "changed while it ran"  # in place of a digest of the code
_ROOT = Path(__file__).resolve().parents[2]


@cache
def code_digest(task: str) -> str:
    """A digest of the code that a task computes with, as this process found it.

    Args:
        task: module and name, see `study.task_name`.
    """
    return fresh_digest(task)


def fresh_digest(task: str) -> str:
    """A digest of the code that a task computes with, by its meaning alone.

    That are the modules its own one reaches by name, see `depends.modules`: what is changed elsewhere changes nothing.
    What a setting says is in the name of its runs.
    """
    return facts.digest(_ROOT, computing(task), lambda path: _meaning_at(*_stamp(path)).encode())


def watched_code(task: str) -> Callable[[], str]:
    """What to call the code of a run that ends: its digest now, or `CHANGED` where it has another meaning by then.

    A process imports modules as it needs them, so what it computes with is known only if none has changed.
    """
    stamps, digest = _stamps(task), code_digest(task)

    def name() -> str:
        try:
            return digest if _stamps(task) == stamps or fresh_digest(task) == digest else CHANGED
        except (OSError, SyntaxError):  # somebody is at it
            return CHANGED

    return name


def _stamps(task: str) -> list[tuple[Path, int, int]]:
    """The files a task depends on, how large they are, and when they were written: quick to compare."""
    return [_stamp(path) for path in computing(task)]


def _stamp(path: Path) -> tuple[Path, int, int]:
    stat = path.stat()
    return path, stat.st_mtime_ns, stat.st_size


@cache
def _meaning_at(path: Path, written: int, size: int) -> str:
    """The meaning of a file as it was written then."""
    return meaning(path.read_bytes())


def computing(task: str) -> list[Path]:
    """The files of the modules that a task depends on."""
    return [depends.file_of(name) for name in depends.modules(task.partition(":")[0])]


def meaning(source: bytes | str) -> str:
    r"""What Python makes of a module, without its docstrings and what it says when it raises.

    >>> meaning('"About f."\nx = 1  # one') == meaning("x  =  1")
    True
    >>> meaning("x = 1") == meaning("x = 2")
    False
    >>> meaning("raise ValueError('no')") == meaning("raise ValueError('not so')")
    True
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            node.exc = node.exc.func
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [line for line in body if not _says(line)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _says(line: ast.stmt) -> bool:
    """Whether a line is a text and nothing else: a docstring, or one below the name it is about."""
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold the folder of the run files, made if need be, against other processes; a process that dies lets go of it.

    Raises:
        ConfigError: another process holds it, or it is no folder.
    """
    if out.exists() and not out.is_dir():
        raise ConfigError(expected(f"--out {out}", "a folder", "a file"))
    wanted = "a folder that no other process is working in"
    busy = ConfigError(expected(f"--out {out}", wanted, "one in use", "wait, or choose another"))
    with files.exclusive(out, LOCK, busy):
        yield


def path(out: Path, identifier: str) -> Path:
    """The file of a run."""
    return out / f"{identifier}.json"


def write(
    out: Path,
    identifier: str,
    config: Any,
    seed: int,
    result: Result,
    seconds: float,
    code: str,
    facts: dict[str, Any],
) -> None:
    """Put a finished run into its file; code and facts are those of the process that made it.

    Raises:
        OSError: it could not be written; finished runs are as they were.
    """
    about = {"format": FORMAT, "run": identifier, "config": attrs.asdict(config), "seed": seed, "seconds": seconds}
    made = {"code": code, "facts": facts}
    files.write(path(out, identifier), files.to_json({**about, **made, "final": result.final, "rows": result.rows}))


def read(out: Path, identifier: str, config: Any) -> Run | None:
    """A run from its file; None where it is not finished.

    Args:
        out: folder of the run files.
        identifier: name of the run.
        config: its setting. A file that has another one, because defaults have changed since, is none of this run.

    Raises:
        DataError: the file is damaged.
    """
    content = opened(out, identifier)
    if content is None:
        return None
    whole = {**defaults(type(config)), **content["config"]}
    if json.dumps(whole, sort_keys=True) != json.dumps(attrs.asdict(config), sort_keys=True):
        return None
    names = [field.name for field in attrs.fields(Run)]
    return Run(**{name: content[name] for name in names})


def opened(out: Path, identifier: str) -> dict[str, Any] | None:
    """What a run's file holds; None where it is not finished.

    Raises:
        DataError: the file is damaged.
    """
    file = path(out, identifier)
    if not file.is_file():
        return None
    content = files.read_json(file, most=100_000_000)
    wanted = {"format", "run", "config", "seed", "seconds", "code", "facts", "final", "rows"}
    if not isinstance(content, dict) or content.keys() != wanted or content["format"] != FORMAT:
        fix = "delete it to run it again"
        raise DataError(expected(str(file), f"a run file of format {FORMAT}", "something else", fix))
    return content


def find(out: Path, task: Task, config: Any, seed: int, bundled: bool) -> Run | None:
    """The run of a setting and a seed; None where it is not finished."""
    return read(out, run_id(task, config, seed, bundled), config)


def stands(task: Task, run: Run) -> bool:
    """Whether a run was made by the code as it stands."""
    return run.code == code_digest(task_name(task))


def results_of(study: Study, out: Path, quick: bool = False, bundled: bool = False) -> StudyResults:
    """The finished runs of a study; where it follows a search, of what that has found."""
    if study.follows:
        study = study.settled(results_of(get(study.follows.search), out, quick, bundled))
    runs: dict[str, dict[int, Run]] = {}
    for setting in study.settings:
        config = study.quick(setting.config) if quick else setting.config
        read_all = ((seed, find(out, study.task, config, seed, bundled)) for seed in study.seeds)
        runs[setting.label] = {seed: run for seed, run in read_all if run is not None}
    return StudyResults(study, runs)


def log(out: Path, entry: Mapping[str, Any], name: str = SESSIONS) -> None:
    """Add what one command did to the record of the folder, or to another of its files."""
    stamped = {"ended": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), **entry}
    before = files.read_json(out / name) if (out / name).is_file() else []
    files.write(out / name, files.to_json([*before, stamped]))


def sessions(out: Path) -> list[dict[str, Any]]:
    """What commands did in this folder, oldest first, those that made a part of the runs too."""
    found = [session for path in out.glob(f"{Path(SESSIONS).stem}*.json") for session in files.read_json(path)]
    return sorted(found, key=lambda session: str(session["ended"]))
