"""`grade`: a student's file, judged by laws."""

import json
from pathlib import Path
from typing import Annotated

import tyro

from fnnet import rng
from fnnet.course.assignments import ASSIGNMENTS
from fnnet.course.grade import grade as judged
from fnnet.errors import ConfigError, expected
from fnnet.runs import cli


def main(args: list[str]) -> int:
    """Print how far a file is; the exit code is 1 unless everything holds."""
    return cli.parse(grade, args, "fnnet grade")


def grade(
    file: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")],
    assignment: str | None = None,
    key: int = 0,
    as_json: Annotated[bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(name="json")] = False,
) -> int:
    """Judge a student's file law by law, with points for each, and show the smallest case that breaks one.

    Its functions run in a process of their own with limits of time and memory, without network or other processes.
    That is no sandbox: put a container around files whose authors you do not trust.

    Args:
        file: one that `fnnet course new` wrote, filled in.
        assignment: which one it is; by default as its name says.
        key: all numbers are drawn from it: another key, other numbers.
        as_json: for a course system.
    """
    names = {each.name: each for each in ASSIGNMENTS}
    if assignment is not None and assignment not in names:
        raise ConfigError(expected("--assignment", f"one of {', '.join(names)}", assignment))
    found = judged(file, None if assignment is None else names[assignment], rng.key(key))
    print(json.dumps(found.as_json(), ensure_ascii=False, indent=1) if as_json else found)
    return 0 if found.full else cli.FAULT
