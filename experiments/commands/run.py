"""`run`: train, and leave a run folder; or conduct a study of many runs."""

import difflib
import sys
from pathlib import Path
from typing import Annotated, Any

import attrs
import tyro

from experiments import cli, facts, runs
from experiments.datasets import BUNDLED, BUNDLED_DIGITS
from experiments.experiment import Experiment
from experiments.perform import Job, perform
from experiments.registry import EXPERIMENTS, STUDIES, get
from fnnet.errors import ConfigError, expected

ALL = "all"  # in place of a name: every study


@attrs.frozen
class Options:
    """Where the run reads and writes; no part of its configuration."""

    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Folder of the run; by default runs/NAME-seedN."""
    data: Annotated[str | None, tyro.conf.arg(metavar="DIR")] = None
    """Data directory; by default FNNET_DATA, else the cache, filled by download. `bundled` takes the digits that ship
    with scikit-learn."""
    resume: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Go on with the run in the folder; settings that are not given are taken from it."""
    save_every: float = 30.0
    """Seconds between two saved positions inside an epoch; the end of an epoch is always saved."""


def main(args: list[str]) -> int:
    """Train as the words say."""
    if not args or args[0] in ("-h", "--help"):
        print("usage: python -m experiments run NAME [options]")
        print(f"NAME is one of {', '.join(EXPERIMENTS)}, a study (`list` names them), or {ALL} for all studies")
        return 0 if args else cli.USAGE
    name, *rest = args
    return _job(get(name), rest) if name in EXPERIMENTS else _studies(name, rest)


def _job(experiment: Experiment, args: list[str]) -> int:
    """One run in its folder."""
    name = experiment.name
    config, options = _parse(experiment, experiment.config(), args)
    out = options.out or Path("runs") / f"{name}-seed{config.seed}"
    if options.resume:
        runs.check_usable(out)
        if not (out / runs.CONFIG).is_file():
            raise runs.RunError(f"nothing to resume in {out}; without --resume a run begins there")
        held, settings = runs.read_config(out)
        if held.name != name:
            raise runs.RunError(expected(f"--out {out}", f"a run of {name}", f"one of {held.name}"))
        config, _ = _parse(experiment, settings, args)
        if options.data is None and runs.read_identity(out).source == BUNDLED_DIGITS:
            options = attrs.evolve(options, data=BUNDLED)
    attrs.validate(config)
    if note := too_many_threads(config.threads):
        if not options.resume:  # a run that was begun with more can only go on with them
            raise ConfigError(note)
        print(f"note: {note}", file=sys.stderr)
    if not options.save_every > 0:
        raise ConfigError(expected("--save-every", "a number of seconds above 0", options.save_every))
    again = cli.command("run", name, "--out", out, "--resume", *(["--data", options.data] if options.data else []))
    return perform(Job(experiment, config, out, options.data, options.resume, options.save_every, again))


def _parse(experiment: Experiment, default: Any, args: list[str]) -> tuple[Any, Options]:
    """The settings, not yet validated, those not given being those of `default`; and the options."""
    config_type = experiment.config

    def settings(
        training: tyro.conf.OmitArgPrefixes[config_type] = default,  # type: ignore[valid-type]
        run: tyro.conf.OmitArgPrefixes[Options] = Options(),
    ) -> tuple[Any, Options]:
        return training, run

    settings.__doc__ = EXPERIMENTS[experiment.name][1]
    with attrs.validators.disabled():  # tyro would wrap what they say
        config, options = cli.parse(settings, args, f"run {experiment.name}")
    return config, options


def too_many_threads(threads: int) -> str | None:
    """What to say where more threads are asked for than this process may use processors; else None."""
    most = facts.cores()
    wanted = f"at most {most}, the processors this process may use"
    return expected("--threads", wanted, threads) if threads > most else None


def _studies(name: str, args: list[str]) -> int:
    """One study, or all."""
    if name != ALL and name not in STUDIES:
        names = [*EXPERIMENTS, ALL, *STUDIES]
        close = difflib.get_close_matches(name, names, n=1)
        fix = f"did you mean {close[0]}?" if close else "see `python -m experiments list`"
        raise ConfigError(expected("experiment", f"{', '.join(EXPERIMENTS)}, a study or {ALL}", repr(name), fix))

    from experiments import study
    from experiments.studies import conduct

    def options(
        out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = conduct.OUT,
        data: Annotated[str | None, tyro.conf.arg(metavar="DIR")] = None,
        jobs: int | None = None,
        threads: int = 1,
        seeds: int | None = None,
        quick: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
        refresh: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
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
        """
        if note := too_many_threads(threads):
            raise ConfigError(note)
        chosen = list(study.studies().values()) if name == ALL else [study.get(name)]
        return conduct.run_studies(
            chosen, out, data=data, jobs=jobs, threads=threads, quick=quick, seeds=seeds, refresh=refresh
        )

    return cli.parse(options, args, f"run {name}")
