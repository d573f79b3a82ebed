"""`archive`: the runs of the studies that come with a clone, taken out for a report or put in after new ones."""

from pathlib import Path
from typing import Annotated, Literal

import tyro

from experiments.engine import archive as runs
from experiments.engine import conduct, store
from fnnet.runs import cli
from fnnet.words import counted


def main(args: list[str]) -> int:
    """Do as the words say."""
    return cli.parse(archive, args, "python -m experiments archive")


def archive(
    do: Annotated[Literal["unpack", "pack"], tyro.conf.Positional],
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = conduct.OUT,
    file: Annotated[Path, tyro.conf.arg(metavar="FILE")] = runs.ARCHIVE,
) -> int:
    """Take runs out of the archive, or put them in.

    Args:
        do: unpack: the runs of the archive into the folder, those that are there already stay; then `report` draws
            RESULTS.md and `run` makes what is missing. pack: the runs of the folder into the archive.
        out: folder of the run files.
        file: the archive.
    """
    if do == "pack":  # finished runs alone, so that others may go on meanwhile
        print(f"{file} holds {counted(runs.pack(out, file), 'run')}")
        return 0
    with store.locked(out):
        print(f"{counted(runs.unpack(out, file), 'run')} taken into {out}")
    return 0
