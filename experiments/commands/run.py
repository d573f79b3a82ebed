"""`run`: train, and leave a run folder."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import attrs
import tyro

from experiments import cli, runs
from experiments.datasets import BUNDLED, BUNDLED_DIGITS
from experiments.experiment import Experiment
from experiments.perform import Job, perform
from experiments.registry import EXPERIMENTS, get
from fnnet.errors import ConfigError, expected


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
        print(f"usage: python -m experiments run NAME [options]   with NAME one of: {', '.join(EXPERIMENTS)}")
        return 0 if args else cli.USAGE
    name, *rest = args
    experiment = get(name)
    config, options = _parse(experiment, experiment.config(), rest)
    out = options.out or Path("runs") / f"{name}-seed{config.seed}"
    if options.resume and (out / runs.CONFIG).is_file():
        held, settings = runs.read_config(out)
        if held.name != name:
            raise runs.RunError(expected(f"--out {out}", f"a run of {name}", f"one of {held.name}"))
        config, _ = _parse(experiment, settings, rest)
        if options.data is None and runs.read_identity(out).source == BUNDLED_DIGITS:
            options = attrs.evolve(options, data=BUNDLED)
    if options.save_every <= 0:
        raise ConfigError(expected("--save-every", "a number of seconds above 0", options.save_every))
    again = ["python", "-m", "experiments", "run", name, "--out", str(out), "--resume"]
    again += ["--data", options.data] if options.data else []
    job = Job(experiment, config, out, options.data, options.resume, options.save_every, shlex.join(again))
    return perform(job)


def _parse(experiment: Experiment, default: Any, args: list[str]) -> tuple[Any, Options]:
    """The settings, those not given being those of `default`, and the options."""
    config_type = experiment.config

    def settings(
        config: tyro.conf.OmitArgPrefixes[config_type] = default,  # type: ignore[valid-type]
        options: tyro.conf.OmitArgPrefixes[Options] = Options(),
    ) -> tuple[Any, Options]:
        return config, options

    settings.__doc__ = EXPERIMENTS[experiment.name][1]
    return cli.parse(settings, args, f"run {experiment.name}")
