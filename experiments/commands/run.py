"""`run`: conduct a study of many runs; or train what `fnnet train` trains and no study is called, the same way."""

import difflib
from pathlib import Path
from typing import Annotated

import tyro

from experiments.registry import STUDIES
from fnnet.errors import ConfigError, expected
from fnnet.runs import cli
from fnnet.runs.commands import train
from fnnet.runs.commands.train import too_many_threads
from fnnet.runs.registry import EXPERIMENTS

ALL = "all"  # in place of a name: every study


def main(args: list[str]) -> int:
    """Run as the words say."""
    if not args or args[0] in ("-h", "--help"):
        print("usage: python -m experiments run NAME [options]")
        print(f"NAME is a study (`list` names them), {ALL} for all studies, or one of {', '.join(EXPERIMENTS)}")
        return 0 if args else cli.USAGE
    name, *rest = args
    return train.main(args) if name in EXPERIMENTS and name not in STUDIES else _studies(name, rest)


def _studies(name: str, args: list[str]) -> int:
    """One study, or all."""
    if name != ALL and name not in STUDIES:
        names = [*EXPERIMENTS, ALL, *STUDIES]
        close = difflib.get_close_matches(name, names, n=1)
        fix = f"did you mean {close[0]}?" if close else "see `python -m experiments list`"
        raise ConfigError(expected("experiment", f"{', '.join(EXPERIMENTS)}, a study or {ALL}", repr(name), fix))

    from experiments.engine import conduct, parts, study

    def options(
        out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = conduct.OUT,
        data: Annotated[str | None, tyro.conf.arg(metavar="DIR")] = None,
        jobs: int | None = None,
        threads: int = 1,
        seeds: int | None = None,
        quick: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
        refresh: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
        part: Annotated[str | None, tyro.conf.arg(metavar="K/N")] = None,
        on: str = "local",
    ) -> int:
        """Make the runs that are missing, several at once; a study that was stopped goes on where it was.

        Args:
            out: folder of the run files.
            data: data directory; by default FNNET_DATA, else the cache. `bundled` takes the digits that ship with
                scikit-learn.
            jobs: processes at once; by default one for each core.
            threads: of the matrix products in each process.
            seeds: only the first so many seeds of each study.
            quick: a version of minutes on reduced data, which tests the studies and answers nothing.
            refresh: make runs again that another version of the code made.
            part: the runs of part K of N; other commands, on any machine that shares the folder, make the others.
            on: where the runs are made: local, dask (a cluster made here), dask:ADDRESS (of a scheduler), or mpi, under
                `mpiexec -n 4 python -m mpi4py -m experiments run …`.
        """
        if note := too_many_threads(threads):
            raise ConfigError(note)
        chosen = list(study.studies().values()) if name == ALL else [study.get(name)]
        return conduct.run_studies(
            chosen,
            out,
            data=data,
            jobs=jobs,
            threads=threads,
            quick=quick,
            seeds=seeds,
            refresh=refresh,
            part=None if part is None else parts.read(part),
            on=on,
        )

    return cli.parse(options, args, f"python -m experiments run {name}")
