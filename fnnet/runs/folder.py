"""Run folders: what one holds, how a run gets in, and how a trained net comes out.

    config.json           the experiment, its settings, the data: what makes this run this run
    sessions.json         when it was started and resumed, and on what: versions, threads, processor
    steps.jsonl           the loss of every step; every 50 steps a digest of every leaf of the params
    metrics.jsonl         one line an epoch
    checkpoint.safetensors    to resume from: the whole `trainer.Position`, early stopping's memory with it
    params.safetensors    the trained net
    results.json          accuracy, loss and confusion counts at the end, time and memory
    report.md and *.png   to read
    .lock                 held while a process works in the folder; by `flock`, so on POSIX systems only

A trained net in three lines:

    from fnnet.runs import folder as runs
    net, params = runs.load("runs/lenet5-seed0")
    logits, _ = net.apply(params, x)          # x (N, 1, 28, 28), float32, ink 1 on 0
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import cattrs

from fnnet import checkpoint, rng
from fnnet.errors import CheckpointError, ConfigError, DataError, FnnetError, expected
from fnnet.runs import files
from fnnet.runs.experiment import Experiment, Problem
from fnnet.runs.registry import get
from fnnet.types import Layer, Params, Shape, example_shape

CONFIG, SESSIONS, STEPS, METRICS = "config.json", "sessions.json", "steps.jsonl", "metrics.jsonl"
CHECKPOINT, PARAMS, RESULTS, REPORT = "checkpoint.safetensors", "params.safetensors", "results.json", "report.md"
LOCK = ".lock"
NON_FINITE = "non_finite"  # in a session: the step that met NaN or infinity and ended it
ANOTHER = "start another run, with another --out and, say, a lower --learning-rate"

EXAMPLES = "train_examples"  # the setting that says how much of the training data is taken

FORMAT = 1
_CONVERTER = cattrs.Converter(forbid_extra_keys=True)
for _kind in (int, float, str, bool):  # nothing is cast: "10" is not 10; the settings' own validators look at the rest
    _CONVERTER.register_structure_hook(_kind, lambda value, _: value)


class RunError(FnnetError):
    """A run folder is not what it should be, or not for this run."""


@attrs.frozen
class Identity:
    """What makes a run this run: the content of config.json.

    Args:
        experiment: its name.
        config: its settings, plain values by name.
        source: the data set in words.
        digests: of the data.
    """

    experiment: str
    config: dict[str, Any]
    source: str
    digests: dict[str, str]
    format: int = FORMAT


def identity(experiment: Experiment, config: Any, problem: Problem) -> Identity:
    """The identity of a run that has not begun."""
    return Identity(experiment.name, plain(config), problem.source, problem.digests)


def plain(config: Any) -> dict[str, Any]:
    """Settings as plain values by name."""
    values: dict[str, Any] = _CONVERTER.unstructure(config)
    return values


def settings(experiment: Experiment, values: Any, where: object) -> Any:
    """Settings from plain values, the opposite of `plain`.

    Raises:
        ConfigError: unknown, missing or wrong values; the message says in which file.
    """
    if not isinstance(values, dict):
        raise ConfigError(expected(f"{where}: config", "an object", repr(values)[:80]))
    names = [field.name for field in attrs.fields(experiment.config)]
    for name in values:
        if name not in names:
            raise ConfigError(expected(f"{where}: config", f"settings {', '.join(names)}", repr(name)))
    for name in names:
        if name not in values:
            raise ConfigError(expected(f"{where}: config", f"a value for {name}", "none"))
    try:
        return _CONVERTER.structure(values, experiment.config)
    except cattrs.BaseValidationError as error:
        raise ConfigError(f"{where}: config: {'; '.join(_reasons(error))}") from None
    except FnnetError as error:
        raise ConfigError(f"{where}: config: {error}") from None


def _reasons(error: BaseException) -> list[str]:
    """The leaves of an exception group, in words."""
    if isinstance(error, BaseExceptionGroup):
        return [reason for part in error.exceptions for reason in _reasons(part)]
    return [str(error), *getattr(error, "__notes__", [])]


def read_identity(folder: Path) -> Identity:
    """What config.json says.

    Raises:
        RunError: there is no run in this folder.
        DataError: config.json is damaged; the message names the field.
    """
    if not (folder / CONFIG).is_file():
        got = "a folder without it" if folder.is_dir() else "no such folder"
        raise RunError(expected(str(folder), f"a run folder, with {CONFIG}", got))
    values = files.read_json(folder / CONFIG)
    wanted = {field.name: field.type for field in attrs.fields(Identity)}
    if not isinstance(values, dict) or values.keys() != wanted.keys():
        raise DataError(expected(str(folder / CONFIG), f"an object with {', '.join(wanted)}", repr(values)[:80]))
    if values["format"] != FORMAT:
        raise DataError(expected(f"{folder / CONFIG}: format", FORMAT, repr(values["format"])))
    for name in ("experiment", "source"):
        if not isinstance(values[name], str):
            raise DataError(expected(f"{folder / CONFIG}: {name}", "a string", repr(values[name])[:80]))
    for name in ("config", "digests"):
        if not isinstance(values[name], dict):
            raise DataError(expected(f"{folder / CONFIG}: {name}", "an object", repr(values[name])[:80]))
    return Identity(**values)


def read_config(folder: Path) -> tuple[Experiment, Any]:
    """The experiment and the settings of a run."""
    found = read_identity(folder)
    experiment = get(found.experiment)
    return experiment, settings(experiment, found.config, folder / CONFIG)


def differences(this: Identity, other: Identity, names: tuple[str, str] = ("in the folder", "asked for")) -> list[str]:
    """One phrase for every difference between two runs' identities.

    >>> a = Identity("lenet5", {"epochs": 10}, "MNIST", {})
    >>> differences(a, attrs.evolve(a, config={"epochs": 3}))
    ['epochs: 10 in the folder, 3 asked for']
    """
    if this.experiment != other.experiment:
        return [f"experiment: {this.experiment} {names[0]}, {other.experiment} {names[1]}"]
    found = [
        f"{name}: {this.config.get(name)} {names[0]}, {other.config.get(name)} {names[1]}"
        for name in {**this.config, **other.config}
        if this.config.get(name) != other.config.get(name)
    ]
    parts = [name for name in {**this.digests, **other.digests} if this.digests.get(name) != other.digests.get(name)]
    if this.source != other.source:
        found.append(f"data: {this.source} {names[0]}, {other.source} {names[1]}")
        return found
    if this.config.get(EXAMPLES) != other.config.get(EXAMPLES):  # told above, and why the training parts differ
        parts = [name for name in parts if not name.startswith("train ")]
    if parts:
        found.append(f"data: {this.source} in both, differing in {', '.join(parts)}")
    return found


def read_sessions(folder: Path) -> list[dict[str, Any]]:
    """When a run was started and resumed, and on what: the content of sessions.json; empty where there is none.

    Raises:
        DataError: it is damaged.
    """
    path = folder / SESSIONS
    sessions = files.read_json(path) if path.is_file() else []
    whole = isinstance(sessions, list) and all(
        isinstance(one, dict) and isinstance(one.get("facts"), dict) and isinstance(one.get("after_step"), int)
        for one in sessions
    )
    if not whole:
        raise DataError(
            expected(str(path), "a list of sessions with started, after_step and facts", repr(sessions)[:80])
        )
    return sessions


def non_finite(sessions: list[dict[str, Any]]) -> int | None:
    """The step at which a number that is not finite ended a run; None where that did not happen."""
    return sessions[-1].get(NON_FINITE) if sessions else None


def note_non_finite(folder: Path, step: int) -> None:
    """Record that the present session ended at this step, at a number that is not finite."""
    *before, last = read_sessions(folder)
    files.write(folder / SESSIONS, files.to_json([*before, {**last, NON_FINITE: step}]))


def read_results(folder: Path) -> dict[str, Any]:
    """The content of results.json.

    Raises:
        DataError: it is damaged.
    """
    results = files.read_json(folder / RESULTS)
    tested = results.get("test") if isinstance(results, dict) else None
    if not isinstance(tested, dict) or not _is_number(tested.get("accuracy")):
        raise DataError(expected(str(folder / RESULTS), "results with test.accuracy", repr(results)[:80]))
    return dict(results)


def read_steps(folder: Path) -> list[dict[str, Any]]:
    """The lines of steps.jsonl: `step`, `loss`, and in some `digests`; empty where there is none.

    Raises:
        DataError: a line is damaged.
    """
    return _numbered(folder / STEPS, "step", 0, ("loss",))


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl; empty where there is none.

    Raises:
        DataError: a line is damaged.
    """
    names = [f"{part}_{quantity}" for part in ("train", "test") for quantity in ("loss", "accuracy")]
    validation = ("validation_loss", "validation_accuracy")  # in all lines or in none
    return _numbered(folder / METRICS, "epoch", 1, (*names, "seconds", "examples_per_second"), validation)


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

    Raises:
        RunError: it is no folder, or one of other things.
    """
    if not folder.exists() or (folder / CONFIG).is_file():
        return
    if not folder.is_dir():
        raise RunError(expected(f"--out {folder}", "a folder", "a file"))
    others = sorted(path.name for path in folder.iterdir() if path.name != LOCK and path.suffix != files.TEMPORARY)
    if others:
        held = f"one that holds {', '.join(others[:3])}{' …' if len(others) > 3 else ''}"
        raise RunError(expected(f"--out {folder}", "a new or empty folder, or a run to resume", held))


def claim(folder: Path, wanted: Identity, resume: bool) -> bool:
    """Make a locked folder the folder of this run; return whether the run has begun there before.

    Raises:
        RunError: the folder holds another run, or this run, begun but not finished, and `resume` is false.
    """
    if not (folder / CONFIG).is_file():
        files.write(folder / CONFIG, files.to_json(attrs.asdict(wanted)))
        return False
    found = read_identity(folder)
    different = differences(found, wanted)
    if different:
        held = f"another run: {'; '.join(different)}"
        other = f"choose another --out, such as {folder}-2"
        fix = f"ask for the same to resume it, or {other}" if resume else other
        raise RunError(expected(f"--out {folder}", "an empty folder or this very run", held, fix))
    if not resume and not (folder / RESULTS).is_file():
        if (step := non_finite(read_sessions(folder))) is not None:
            raise RunError(f"{folder}: this run met a non-finite number at step {step}; {ANOTHER}")
        fix = "add --resume to go on with it, or choose another --out"
        raise RunError(expected(f"--out {folder}", "an empty folder", "this very run, begun", fix))
    return True


class Trained(NamedTuple):
    """A trained net and what is needed to use it.

    Args:
        net: the net.
        params: its params.
        shape: of one example.
        classes: the name of every class.
    """

    net: Layer
    params: Params
    shape: Shape
    classes: tuple[str, ...]


def save_params(folder: Path, experiment: Experiment, config: Any, problem: Problem, params: Params) -> None:
    """Write params.safetensors, which says by itself what net it belongs to."""
    shape, classes = list(problem.shape), list(problem.classes)
    about = {"experiment": experiment.name, "config": plain(config), "shape": shape, "classes": classes}
    checkpoint.save(folder / PARAMS, params, about)


def load(run: str | os.PathLike[str]) -> tuple[Layer, Params]:
    """The trained net of a run and its params.

    Args:
        run: a run folder, or a params.safetensors of one.

    Raises:
        RunError: no such run, or it has not been finished.
        CheckpointError: the file is damaged or does not fit the net.
    """
    return load_trained(run)[:2]


def load_trained(run: str | os.PathLike[str]) -> Trained:
    """`load`, with the shape of one example and the names of the classes."""
    path = Path(run)
    if path.is_dir():
        read_identity(path)
        path /= PARAMS
        if not path.is_file():
            step = non_finite(read_sessions(path.parent))
            got = "none yet" if step is None else f"one that met a non-finite number at step {step}"
            fix = "finish the run with --resume" if step is None else ANOTHER
            raise RunError(expected(str(path.parent), f"a finished run, with {PARAMS}", got, fix))
    elif not path.is_file():
        raise RunError(expected(str(path), "a run folder", "nothing there"))
    about = checkpoint.read_metadata(path)
    kinds = {"experiment": str, "config": dict, "shape": list, "classes": list}
    named = isinstance(about, dict) and about.keys() == kinds.keys()
    if not named or not all(isinstance(about[name], kind) for name, kind in kinds.items()):
        fix = f"use {PARAMS} of a run"
        raise CheckpointError(expected(str(path), f"metadata with {', '.join(kinds)}", repr(about)[:80], fix))
    experiment = get(about["experiment"])
    net = experiment.net(settings(experiment, about["config"], path))
    shape = example_shape(about["shape"])
    params = checkpoint.load(path, net.init(rng.key(0), shape))
    return Trained(net, params, shape, tuple(map(str, about["classes"])))
