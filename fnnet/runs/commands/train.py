"""`train`: train what has a name, and leave a run folder."""

import sys
from pathlib import Path
from typing import Annotated, Any

import attrs
import tyro

from fnnet.errors import ConfigError, expected
from fnnet.runs import cli, facts
from fnnet.runs import folder as runs
from fnnet.runs.datasets import BUNDLED, BUNDLED_DIGITS
from fnnet.runs.experiment import Experiment
from fnnet.runs.perform import Job, perform
from fnnet.runs.registry import EXPERIMENTS, get


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
        print(f"usage: fnnet train NAME [options]\nNAME is {' or '.join(EXPERIMENTS)}; NAME --help names the options")
        return 0 if args else cli.USAGE
    name, *rest = args
    return train(get(name), rest)


def train(experiment: Experiment, args: list[str]) -> int:
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
    again = cli.command("train", name, "--out", out, "--resume", *(["--data", options.data] if options.data else []))
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
        config, options = cli.parse(settings, args, f"fnnet train {experiment.name}")
    return config, options


def too_many_threads(threads: int) -> str | None:
    """What to say where more threads are asked for than this process may use processors; else None."""
    most = facts.cores()
    wanted = f"at most {most}, the processors this process may use"
    return expected("--threads", wanted, threads) if threads > most else None
