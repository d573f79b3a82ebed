"""`train`: train what has a name, and leave a run folder."""

import argparse
import sys
from pathlib import Path
from typing import Annotated, Literal

import attrs
import tyro

from fnnet.errors import ConfigError, expected
from fnnet.parallel import Team, alone
from fnnet.runs import cli, facts, folder, perform, workers
from fnnet.runs.datasets import BUNDLED, BUNDLED_DIGITS
from fnnet.runs.experiment import Experiment
from fnnet.runs.registry import EXPERIMENTS, get
from fnnet.runs.settings import Settings


@attrs.frozen
class Words:
    """Where the run reads and writes; no part of its settings."""

    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Folder of the run; by default runs/NAME-seedN."""
    data: Annotated[str | None, tyro.conf.arg(metavar="DIR")] = None
    """Data directory; by default FNNET_DATA, else the cache, filled by download. `bundled` takes the digits that ship
    with scikit-learn."""
    resume: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Go on with the run in the folder; settings that are not given are taken from it."""
    save_every: float = 30.0
    """Seconds between two saved positions inside an epoch; the end of an epoch is always saved."""
    on: Literal["local", "mpi"] = "local"
    """local: this process. mpi: the processes of `mpiexec -n 4 python -m mpi4py -m fnnet train …` share out the parts
    that --micro-batch makes of every batch, to the bytes of one process."""


def main(args: list[str]) -> int:
    """Train as the words say."""
    if not args or args[0] in ("-h", "--help"):
        print(f"usage: fnnet train NAME [options]\nNAME is {' or '.join(EXPERIMENTS)}; NAME --help names the options")
        return 0 if args else cli.USAGE
    name, *rest = args
    team = workers.team() if _on(rest) == "mpi" else alone()
    if team.rank:
        return workers.follow(team)
    return workers.lead(team, lambda: train(get(name), rest, team))


def _on(args: list[str]) -> str | None:
    """Where to train: asked before all else, since only one of several workers says what is wrong with other words."""
    words = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    words.add_argument("--on", nargs="?")
    found: str | None = words.parse_known_args(args)[0].on
    return found


def train(experiment: Experiment, args: list[str], team: Team) -> int:
    """One run in its folder; by a team, of which this is the first."""
    settings, words = _parse(experiment, None, args)
    out = words.out or Path("runs") / f"{experiment.name}-seed{settings.seed}"
    if not words.save_every > 0:
        raise ConfigError(expected("--save-every", "a number of seconds above 0", words.save_every))
    folder.check_usable(out)
    if not (out / folder.CONFIG).is_file():
        if words.resume:
            raise folder.RunError(f"nothing to resume in {out}; without --resume a run begins there")
        _check(settings, team)
        return perform.begin(out, experiment, settings, _options(experiment, out, words.data, words.save_every, team))
    with folder.held(out) as run:
        data = words.data
        if run.experiment.name != experiment.name:
            wanted, got = f"a run of {experiment.name}", f"one of {run.experiment.name}"
            raise folder.RunError(expected(f"--out {out}", wanted, got))
        if words.resume:
            settings, _ = _parse(experiment, run.settings, args)
            if data is None and run.identity.source == BUNDLED_DIGITS:
                data = BUNDLED
        _check(settings, team, words.resume)
        options = _options(experiment, out, data, words.save_every, team)
        return perform.go_on(run, settings, words.resume, options)


def _options(experiment: Experiment, out: Path, data: str | None, save_every: float, team: Team) -> perform.Options:
    """How the run is made, and the command that goes on with it, by any number of workers."""
    words = ["train", experiment.name, "--out", out, "--resume", *(["--data", data] if data else [])]
    again = cli.command(*words)
    if team.size > 1:
        job = cli.command("-m", "fnnet", *words, "--on", "mpi", package="mpi4py")
        again = f"mpiexec -n {team.size} {job}"
    return perform.Options(data, save_every, again, team)


def _check(settings: Settings, team: Team, begun: bool = False) -> None:
    """Raise where settings are wrong; a run that was begun with more threads can only go on with them, with a note.

    Raises:
        ConfigError: a value is out of its range.
    """
    attrs.validate(settings)
    if team.size > 1 and settings.micro_batch is None:
        fix = f"such as {max(1, settings.batch_size // team.size)} of the batch of {settings.batch_size}"
        raise ConfigError(expected("--micro-batch", "the size of the parts that workers share out", "none", fix))
    if note := too_many_threads(settings.threads):
        if not begun:
            raise ConfigError(note)
        print(f"note: {note}", file=sys.stderr)


def _parse(experiment: Experiment, default: Settings | None, args: list[str]) -> tuple[Settings, Words]:
    """The settings, not yet validated, those not given being those of `default` or as usual; and the options."""
    kind = experiment.settings

    def settings(
        training: tyro.conf.OmitArgPrefixes[kind] = tyro.MISSING if default is None else default,  # type: ignore[valid-type]
        run: tyro.conf.OmitArgPrefixes[Words] = Words(),
    ) -> tuple[Settings, Words]:
        return training, run

    settings.__doc__ = EXPERIMENTS[experiment.name][1]
    with attrs.validators.disabled():  # tyro would wrap what they say
        config, options = cli.parse(settings, args, f"fnnet train {experiment.name}")
    return config, options


def too_many_threads(threads: int) -> str | None:
    """What to say where more threads are asked for than this process may use processors; else None."""
    most = facts.cores()
    wanted = f"at most {most}, the processors this process may use"
    return expected("--threads", wanted, threads) if threads > most else None
