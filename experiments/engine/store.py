"""Run files: one JSON file a run, written whole at its end, and a digest of the code that made it."""

import ast
import datetime
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import attrs

from experiments.engine.study import Result, Run, Study, StudyResults, get, run_id
from fnnet.errors import ConfigError, DataError, expected
from fnnet.runs import facts, files

FORMAT = 1
SESSIONS, LOCK = "sessions.json", ".lock"
CHANGED = "changed while it ran"  # in place of a digest of the code
LOOP = ("experiment.py", "settings.py", "trainer.py")  # what of the shell the tasks train with
_ROOT = Path(__file__).resolve().parents[2]


@cache
def code_digest() -> str:
    """A digest of the code that computes, as this process found it."""
    return fresh_digest()


def fresh_digest() -> str:
    """A digest of the code that computes, by its meaning alone: fnnet and the tasks, but not what asks and shows."""
    return facts.digest(_ROOT, computing(), lambda path: meaning(path.read_bytes()).encode())


def watched_code() -> Callable[[], str]:
    """What to call the code of a run that ends: its digest now, or `CHANGED` where it has another meaning by then.

    A process imports modules as it needs them, so what it computes with is known only if none has changed.
    """
    stamps, digest = _stamps(), fresh_digest()

    def name() -> str:
        try:
            return digest if _stamps() == stamps or fresh_digest() == digest else CHANGED
        except (OSError, SyntaxError):  # somebody is at it
            return CHANGED

    return name


def _stamps() -> list[tuple[Path, int, int]]:
    """Which files there are, how large, and when they were written: quick to compare."""
    return [(path, (stat := path.stat()).st_mtime_ns, stat.st_size) for path in computing()]


def computing() -> list[Path]:
    """The modules that runs depend on. What a setting says is in the name of its runs."""
    patterns = ("fnnet/**/*.py", "experiments/reports/**/*.py")
    return [
        path
        for pattern in patterns
        for path in sorted(_ROOT.glob(pattern))
        if not _asks_or_shows(path.relative_to(_ROOT))
    ]


def _asks_or_shows(path: Path) -> bool:
    """Whether nothing in a module is computed with: the law kit, the shell but for its loop, the studies."""
    shell = path.parts[:2] == ("fnnet", "runs") and path.name not in LOOP
    return "testing" in path.parts or shell or path.name in ("studies.py", "loops.py", "__main__.py")


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


def read(out: Path, identifier: str) -> Run | None:
    """A run from its file; None where it is not finished.

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
    names = [field.name for field in attrs.fields(Run)]
    return Run(**{name: content[name] for name in names})


def results_of(study: Study, out: Path, quick: bool = False, bundled: bool = False) -> StudyResults:
    """The finished runs of a study; where it follows a search, of what that has found."""
    if study.follows:
        study = study.settled(results_of(get(study.follows.search), out, quick, bundled))
    runs: dict[str, dict[int, Run]] = {}
    for setting in study.settings:
        config = study.quick(setting.config) if quick else setting.config
        read_all = ((seed, read(out, run_id(study.task, config, seed, bundled))) for seed in study.seeds)
        runs[setting.label] = {seed: run for seed, run in read_all if run is not None}
    return StudyResults(study, runs)


def log(out: Path, entry: dict[str, Any]) -> None:
    """Add what one command did to the record of the folder."""
    stamped = {"ended": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), **entry}
    files.write(out / SESSIONS, files.to_json([*sessions(out), stamped]))


def sessions(out: Path) -> list[dict[str, Any]]:
    """What commands did in this folder, oldest first."""
    return files.read_json(out / SESSIONS) if (out / SESSIONS).is_file() else []
