"""`report`: a run's report again, or all runs side by side."""

from pathlib import Path
from typing import Annotated

import tyro

from experiments import cli, files, runs
from fnnet.errors import FnnetError, expected


def main(args: list[str]) -> int:
    """Write one report, or print a table of all runs."""
    return cli.parse(report, args, "report")


def report(
    run: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")] = None,
    data: Annotated[str | None, tyro.conf.arg(metavar="DIR")] = None,
    among: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("runs"),
) -> int:
    """Write the figures and report.md of a finished run again; without RUN, compare all runs below a folder.

    Args:
        run: a run folder.
        data: data directory, as for `run`.
        among: where to look for run folders, without RUN.
    """
    return compare(among) if run is None else rewrite(run, data)


def rewrite(run: Path, data: str | None) -> int:
    """Write a run's report again from its files and the data."""
    from experiments.perform import same_problem
    from experiments.report import write

    _, params = runs.load(run)
    experiment, config = runs.read_config(run)
    problem = same_problem(experiment, config, run, data)
    with runs.locked(run):
        write(experiment, config, problem, run, params)
    print(run / runs.REPORT)
    return 0


def compare(folder: Path) -> int:
    """Print a table of the runs below a folder."""
    from rich.table import Table

    found = sorted(path.parent for path in folder.glob(f"**/{runs.CONFIG}"))
    if not found:
        raise runs.RunError(expected(str(folder), "a folder with run folders in it", "none"))
    table = Table("run", "experiment", "data", "epochs", "test accuracy", "seconds per epoch", box=None)
    damaged = []
    for path in found:
        try:
            table.add_row(str(path.relative_to(folder)), *_row(path))
        except FnnetError as error:
            damaged.append(f"damaged: {error}")
    cli.console().print(table)
    for line in damaged:
        print(line)
    return 0


def _row(path: Path) -> list[str]:
    """A run in words; those of an unfinished run are of its last finished epoch."""
    identity = runs.read_identity(path)
    rows = files.rows(path / runs.METRICS)
    epochs = identity.config.get("epochs")
    done = f"{epochs}" if (path / runs.RESULTS).is_file() else f"{len(rows)} of {epochs}"
    if not rows:
        return [identity.experiment, identity.source, done, "–", "–"]
    seconds = sum(row["seconds"] for row in rows) / len(rows)
    accuracy = f"{100 * rows[-1]['test_accuracy']:.2f} %"
    return [identity.experiment, identity.source, done, accuracy, f"{seconds:.1f}"]
