"""`course`: the assignments, as files with blanks for a student to fill."""

from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

import tyro

from fnnet.course.assignments import ASSIGNMENTS
from fnnet.errors import ConfigError, expected
from fnnet.runs import cli, files


def main(args: list[str]) -> int:
    """Write the assignments."""
    return cli.parse(course, args, "fnnet course")


def course(
    do: Annotated[Literal["new"], tyro.conf.Positional],
    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")],
    language: Literal["en", "zh"] = "en",
) -> int:
    """Write eight assignments into a folder, each a Python file with blanks; `fnnet grade FILE` judges one.

    Args:
        do: new.
        folder: made if need be; files that are there already stay, and nothing is written then.
        language: of what is asked: English or Chinese.
    """
    there = [name for name in (f"{assignment.name}.py" for assignment in ASSIGNMENTS) if (folder / name).exists()]
    if there:
        raise ConfigError(expected(str(folder), "a folder without these files", ", ".join(there), "name another one"))
    folder.mkdir(parents=True, exist_ok=True)
    for assignment in ASSIGNMENTS:
        files.write(folder / f"{assignment.name}.py", handed_out(assignment.name, language))
        print(folder / f"{assignment.name}.py")
    return 0


def handed_out(name: str, language: str) -> str:
    """The text of an assignment as students get it."""
    return (resources.files("fnnet.course") / "files" / language / f"{name}.txt").read_text(encoding="utf-8")
