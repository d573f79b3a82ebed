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
    for path in found:
        table.add_row(*_row(path))
    cli.console().print(table)
    return 0


def _row(path: Path) -> list[str]:
    try:
        identity = runs.read_identity(path)
        metrics = files.rows(path / runs.METRICS)
    except FnnetError as error:
        return [str(path), f"damaged: {error}"]
    last = metrics[-1] if metrics else None
    whole = identity.config.get("epochs")
    done = str(whole) if (path / runs.RESULTS).is_file() else f"{len(metrics)} of {whole}"
    accuracy = f"{100 * last['test_accuracy']:.2f} %" if last else "–"
    seconds = f"{sum(row['seconds'] for row in metrics) / len(metrics):.1f}" if metrics else "–"
    return [str(path), identity.experiment, identity.source, done, accuracy, seconds]
