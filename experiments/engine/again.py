"""Runs made once more by the code as it stands: what shows that changes since have changed no figure."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import attrs

from experiments.engine import pool, store
from experiments.engine.study import Run, Study, StudyResults, Task, run_id, task_name
from fnnet.runs import files

AGAIN = "again.json"  # beside the run files
_TIMED = "second"  # in the name of what is measured by a clock


@attrs.frozen(eq=False)
class Kind:
    """Runs of one task that the same code made, of which one stands for all: the quickest that did not diverge.

    Args:
        study, label, config, run: of that one.
    """

    study: Study
    label: str
    config: Any
    run: Run

    @property
    def name(self) -> str:
        """That run, as the file of it is called."""
        return run_id(self.study.task, self.config, self.run.seed, False)

    def job(self, data: str | None) -> pool.Job:
        """What makes it again."""
        return pool.Job(self.study.task, self.config, self.run.seed, data, tuple(self.study.data))


class Compared(NamedTuple):
    """A run and the same one made again.

    Args:
        code: digest of the code that made it again.
        numbers: how many figures it has, those by the clock left out.
        differing: how many of them are others now.
        most: the largest of those differences, beside the figure that was; None where one is no number.
    """

    code: str
    numbers: int
    differing: int
    most: float | None

    @property
    def words(self) -> str:
        """In a cell of a table."""
        if not self.differing:
            return f"all {self.numbers:,} figures the same"
        far = "" if self.most is None else f", by {self.most:.1g} of it at most"
        return f"{self.differing:,} of {self.numbers:,} figures others{far}"


def kinds(found: Sequence[StudyResults]) -> list[Kind]:
    """One run of each task and code, where that is not the code as it stands; none of what is timed."""
    quickest: dict[tuple[str, str], Kind] = {}
    for answers in found:
        study = answers.study
        for setting in study.settings if not study.alone else ():
            for run in answers.runs[setting.label].values():
                if store.stands(study.task, run):
                    continue
                key, kind = (task_name(study.task), run.code), Kind(study, setting.label, setting.config, run)
                quickest[key] = min(quickest.get(key, kind), kind, key=lambda one: (one.run.diverged, one.run.seconds))
    return list(quickest.values())


def compared(run: Run, final: dict[str, Any], rows: Sequence[dict[str, Any]], code: str) -> Compared:
    """How a run made again differs.

    >>> run = Run(0, [{"epoch": 1, "loss": 0.5, "seconds": 1.0}], {"accuracy": 0.75}, 1.0, "", {})
    >>> compared(run, {"accuracy": 0.75}, [{"epoch": 1, "loss": 0.5, "seconds": 2.0}], "").words
    'all 3 figures the same'
    >>> compared(run, {"accuracy": 0.78}, [{"epoch": 1, "loss": 0.5, "seconds": 2.0}], "").words
    '1 of 3 figures others, by 0.04 of it at most'
    """
    was, now = (dict(_figures([part, own])) for part, own in ((run.final, run.rows), (final, rows)))
    others = [name for name in {**was, **now} if name not in was or name not in now or was[name] != now[name]]
    far = [_far(was.get(name), now.get(name)) for name in others]
    known = [one for one in far if one is not None]
    return Compared(code, len(was), len(others), max(known) if known and len(known) == len(far) else None)


def _figures(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """All plain values in one that JSON holds, by path, but for those by the clock."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else None
    if inside is None:
        yield name, value
        return
    for key, part in inside:
        if _TIMED not in str(key):
            yield from _figures(part, f"{name}/{key}")


def _far(was: Any, now: Any) -> float | None:
    """How far two figures are apart beside the first; None where that is not a number."""
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in (was, now))
    return abs(now - was) / abs(was) if numbers and was else None


def note(out: Path, kind: Kind, found: Compared, facts: dict[str, Any]) -> None:
    """Keep what a run made again came to, beside the run files."""
    store.log(out, {"run": kind.name, "was": kind.run.code, **found._asdict(), "facts": facts}, AGAIN)


def entries(out: Path) -> list[dict[str, Any]]:
    """All that was kept, oldest first."""
    found: list[dict[str, Any]] = files.read_json(out / AGAIN) if (out / AGAIN).is_file() else []
    return found


def of_kinds(found: Sequence[StudyResults], out: Path) -> dict[tuple[Task, str], Compared]:
    """By task and code: what one of its runs came to when the code as it stands made it again."""
    names = Compared._fields
    known = {(entry["run"], entry["was"]): Compared(*(entry[name] for name in names)) for entry in entries(out)}
    here = ((kind, known.get((kind.name, kind.run.code))) for kind in kinds(found))
    return {
        (kind.study.task, kind.run.code): again
        for kind, again in here
        if again is not None and again.code == store.code_digest(task_name(kind.study.task))
    }
