"""`grade`: a file judged, law by law, as a value that prints itself and goes into JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from fnnet import rng
from fnnet.course.assignments import ASSIGNMENTS, Assignment, Task
from fnnet.course.child import ALLOWED
from fnnet.course.laws import judge, laws_of
from fnnet.course.student import Student, at_work, check_imports
from fnnet.errors import ConfigError, expected


@attrs.frozen
class Mark:
    """How one law of one function fared.

    Args:
        function, law: which.
        points, of: those that are given, and what there were.
        why: it is broken; empty where it holds.
        example: a case as small as breaks it, in numbers.
    """

    function: str
    law: str
    points: int
    of: int
    why: str = ""
    example: str = ""


@attrs.frozen
class Grade:
    """What a file is worth.

    Args:
        assignment: its name.
        marks: of every law of every function.
        remarks: on the file as a whole.
    """

    assignment: str
    marks: tuple[Mark, ...]
    remarks: tuple[str, ...] = ()

    @property
    def points(self) -> int:
        """Those that are given."""
        return sum(mark.points for mark in self.marks)

    @property
    def of(self) -> int:
        """Those that there are."""
        return sum(mark.of for mark in self.marks)

    @property
    def full(self) -> bool:
        """Whether everything holds."""
        return self.points == self.of

    def as_json(self) -> dict[str, Any]:
        """For a course system."""
        return {**attrs.asdict(self), "points": self.points, "of": self.of, "full": self.full}

    def __str__(self) -> str:
        lines = [f"{self.assignment}: {self.points} of {self.of} points", *self.remarks]
        told: set[tuple[str, str]] = set()
        for mark in self.marks:
            holds = "holds" if not mark.why else mark.why
            lines.append(f"  {mark.function:22} {mark.law:22} {mark.points}/{mark.of}  {holds}")
            if mark.example and (mark.function, mark.why) not in told:
                told.add((mark.function, mark.why))
                lines += ["", *(f"      {line}" for line in mark.example.splitlines()), ""]
        return "\n".join(lines)


def of_file(path: Path) -> Assignment:
    """The assignment that a file is of, by its name: `1_dense.py`, or with anything behind, `1_dense-li.py`.

    Raises:
        ConfigError: of none.
    """
    for assignment in ASSIGNMENTS:
        if path.stem.startswith(assignment.name):
            return assignment
    wanted = f"a file whose name begins with {', '.join(assignment.name for assignment in ASSIGNMENTS)}"
    raise ConfigError(expected("grade", wanted, path.name, "or say which: --assignment 1_dense"))


def grade(path: Path, assignment: Assignment | None = None, key: rng.Key = rng.key(0)) -> Grade:
    """Judge a file.

    Args:
        path: of it.
        assignment: by default the one that its name says.
        key: sizes and numbers are drawn from it; another key, others.

    Raises:
        ConfigError: it is of no assignment.
        DataError: it is no Python.
    """
    assignment = of_file(path) if assignment is None else assignment
    if wrong := check_imports(path):
        allowed = f"only {', '.join(ALLOWED)} may be imported, and nothing be run or opened"
        return Grade(assignment.name, tuple(_none(assignment.tasks, "not tried")), (*wrong, allowed))
    with at_work(path.resolve()) as student:
        marks = [mark for task in assignment.tasks for mark in _marks(student, task, rng.fold_in(key, task.name))]
    return Grade(assignment.name, tuple(marks))


def _marks(student: Student, task: Task, key: rng.Key) -> list[Mark]:
    marks = []
    for law, broken in judge(student, task, key):
        of = laws_of(task)[law]
        marks.append(
            Mark(task.name, law, 0, of, broken.why, broken.example) if broken else Mark(task.name, law, of, of)
        )
    return marks


def _none(tasks: Sequence[Task], why: str) -> list[Mark]:
    return [Mark(task.name, law, 0, of, why) for task in tasks for law, of in laws_of(task).items()]
