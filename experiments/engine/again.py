"""Runs made once more by the code as it stands: what shows whether changes since have changed a figure."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import attrs

from experiments.engine import pool, store
from experiments.engine.study import Result, Run, Setting, Study, StudyResults, run_id, task_name
from fnnet.errors import DataError, expected
from fnnet.runs import files

AGAIN = "again.json"  # beside the run files
_TIMED = "second"  # in the name of what is measured by a clock

Entry: TypeAlias = dict[str, Any]  # of the record: a run made again, by whom, and what it came to


@attrs.frozen(eq=False)
class Kind:
    """Runs of one task that the same code made, of which one stands for all: the quickest that did not diverge.

    Args:
        study, setting, run: of that one.
    """

    study: Study
    setting: Setting
    run: Run

    @property
    def name(self) -> str:
        """That run, as the file of it is called."""
        return run_id(self.study.task, self.setting.config, self.run.seed, False)

    def job(self, data: str | None) -> pool.Job:
        """What makes it again."""
        return pool.Job(self.study.task, self.setting.config, self.run.seed, data, tuple(self.study.data))


class Compared(NamedTuple):
    """Runs of one kind, and the same made again.

    Args:
        figures: how many they have, those by the clock left out.
        others: how many of them are others now.
        said: which those are, and what the study asks for, as it is and as it was, where that is another.
        runs: how many runs that is.
    """

    figures: int
    others: int
    said: str = ""
    runs: int = 1

    @property
    def words(self) -> str:
        """In a cell of a table."""
        of = f"{self.figures:,} figures" + (f" of {self.runs} runs" if self.runs > 1 else "")
        return f"{self.others:,} of {of} differ: {self.said}" if self.others else f"all {of} the same"


def kinds(found: Sequence[StudyResults]) -> list[Kind]:
    """One run of each task and code, where that is not the code as it stands; none of what is timed."""
    quickest: dict[tuple[str, str], Kind] = {}
    for answers in found:
        study = answers.study
        for setting in study.settings if not study.alone else ():
            for run in answers.runs[setting.label].values():
                if store.stands(study.task, run):
                    continue
                key, kind = (task_name(study.task), run.code), Kind(study, setting, run)
                quickest[key] = min(quickest.get(key, kind), kind, key=lambda one: (one.run.diverged, one.run.seconds))
    return list(quickest.values())


def compared(kind: Kind, result: Result) -> Compared:
    """How a run made again differs.

    Args:
        kind: with the run as it was.
        result: as it is.
    """
    was, now = (dict(_figures([one.final, one.rows])) for one in (kind.run, result))
    others = [name for name in {**was, **now} if name not in was or name not in now or was[name] != now[name]]
    columns = list(dict.fromkeys(name.rpartition("/")[2] for name in others))
    said = [", ".join(columns[:3]) + (" …" if len(columns) > 3 else "")]
    measure = kind.study.measure
    read = kind.setting.read or measure.read
    values = [read(run) for run in (kind.run, attrs.evolve(kind.run, final=result.final, rows=result.rows))]
    before, after = ("none" if value is None else measure.text(value) for value in values)
    said += [] if before == after else [f"{measure.title}: {after}, was {before}"]
    return Compared(len(was), len(others), "; ".join(said) if others else "")


def _figures(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """All plain values in one that JSON holds, by path, but for those by the clock."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else None
    if inside is None:
        yield name, value
        return
    for key, part in inside:
        if _TIMED not in str(key):
            yield from _figures(part, f"{name}/{key}")


def note(out: Path, kind: Kind, found: Compared, code: str, facts: dict[str, Any]) -> None:
    """Keep what a run made again by this code came to, beside the run files."""
    about = {"task": task_name(kind.study.task), "run": kind.name, "was": kind.run.code, "code": code}
    made = {"figures": found.figures, "others": found.others, "said": found.said, "facts": facts}
    store.log(out, {**about, **made}, AGAIN)


def entries(out: Path) -> list[Entry]:
    """All that was kept, oldest first.

    Raises:
        DataError: the file is damaged.
    """
    if not (out / AGAIN).is_file():
        return []
    found: list[Entry] = files.read_json(out / AGAIN)
    wanted = ("ended", "task", "run", "was", "code", "figures", "others", "said", "facts")
    if not isinstance(found, list) or not all(isinstance(one, dict) and one.keys() == set(wanted) for one in found):
        fix = "delete it, and make runs again once more"
        raise DataError(
            expected(str(out / AGAIN), f"a list of objects with {', '.join(wanted)}", "something else", fix)
        )
    return found


def made_before(kind: Kind, kept: Sequence[Entry]) -> Compared | None:
    """What a run came to when the code as it stands made it again; of `entries`."""
    return _of([entry for entry in _standing(kind, kept) if entry["run"] == kind.name][-1:])


def known(of: Sequence[Kind], kept: Sequence[Entry]) -> dict[Kind, Compared | None]:
    """What each kind came to, all of its runs together that the code as it stands has made again; of `entries`."""
    last = {kind: {entry["run"]: entry for entry in _standing(kind, kept)} for kind in of}
    return {kind: _of(list(entries.values())) for kind, entries in last.items()}


def _standing(kind: Kind, kept: Sequence[Entry]) -> list[Entry]:
    """Those of runs of a kind that the code as it stands has made, oldest first."""
    task = task_name(kind.study.task)
    about = {"task": task, "was": kind.run.code, "code": store.code_digest(task)}
    return [entry for entry in kept if about.items() <= entry.items()]


def _of(entries: Sequence[Entry]) -> Compared | None:
    """Several entries as one; None of none."""
    if not entries:
        return None
    said = "; ".join(filter(None, (entry["said"] for entry in entries)))
    figures, others = (sum(entry[name] for entry in entries) for name in ("figures", "others"))
    return Compared(figures, others, said, len(entries))
