"""Runs made once more by the code as it stands: what shows that changes since have changed no figure."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import attrs

from experiments.engine import pool, store
from experiments.engine.study import Result, Run, Setting, Study, StudyResults, run_id, task_name
from fnnet.errors import DataError, expected
from fnnet.runs import files

AGAIN = "again.json"  # beside the run files
_TIMED = "second"  # in the name of what is measured by a clock


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
    """A run and the same one made again.

    Args:
        code: digest of the code that made it again.
        figures: how many it has, those by the clock left out.
        others: how many of them are others now.
        said: what the study asks for, as it was and as it is, where that is another.
    """

    code: str
    figures: int
    others: int
    said: str = ""

    @property
    def words(self) -> str:
        """In a cell of a table."""
        if not self.others:
            return f"all {self.figures:,} figures the same"
        return f"{self.others:,} of {self.figures:,} figures others" + (f"; {self.said}" if self.said else "")


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


def compared(kind: Kind, result: Result, code: str) -> Compared:
    """How a run made again differs.

    Args:
        kind: with the run as it was.
        result: as it is, by this code.
        code: its digest.
    """
    was, now = (dict(_figures([one.final, one.rows])) for one in (kind.run, result))
    others = [name for name in {**was, **now} if name not in was or name not in now or was[name] != now[name]]
    measure = kind.study.measure
    read = kind.setting.read or measure.read
    values = [read(run) for run in (kind.run, attrs.evolve(kind.run, final=result.final, rows=result.rows))]
    before, after = ("none" if value is None else measure.text(value) for value in values)
    return Compared(code, len(was), len(others), "" if before == after else f"{measure.title}: {after}, was {before}")


def _figures(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """All plain values in one that JSON holds, by path, but for those by the clock."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else None
    if inside is None:
        yield name, value
        return
    for key, part in inside:
        if _TIMED not in str(key):
            yield from _figures(part, f"{name}/{key}")


def note(out: Path, kind: Kind, found: Compared, facts: dict[str, Any]) -> None:
    """Keep what a run made again came to, beside the run files."""
    store.log(out, {"run": kind.name, "was": kind.run.code, **found._asdict(), "facts": facts}, AGAIN)


def entries(out: Path) -> list[dict[str, Any]]:
    """All that was kept, oldest first.

    Raises:
        DataError: the file is damaged.
    """
    if not (out / AGAIN).is_file():
        return []
    found = files.read_json(out / AGAIN)
    wanted = ("ended", "run", "was", *Compared._fields, "facts")
    if not isinstance(found, list) or not all(isinstance(one, dict) and one.keys() == set(wanted) for one in found):
        fix = "delete it, and make runs again once more"
        raise DataError(
            expected(str(out / AGAIN), f"a list of objects with {', '.join(wanted)}", "something else", fix)
        )
    return found


def known(of: Sequence[Kind], out: Path) -> dict[Kind, Compared]:
    """What those came to that the code as it stands has made again."""
    names = Compared._fields
    kept = {(entry["run"], entry["was"]): Compared(*(entry[name] for name in names)) for entry in entries(out)}
    here = {kind: kept.get((kind.name, kind.run.code)) for kind in of}
    return {
        kind: made for kind, made in here.items() if made and made.code == store.code_digest(task_name(kind.study.task))
    }
