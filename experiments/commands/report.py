"""`report`: a run's report again, or all runs side by side."""

from pathlib import Path
from typing import Annotated

import tyro

from experiments import cli, runs
from experiments.datasets import BUNDLED
from fnnet.errors import FnnetError, expected


def main(args: list[str]) -> int:
    """Write one report, or print a table of all runs."""
    return cli.parse(report, args, "report")


def report(
    run: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")] = None,
    data: Annotated[str | None, tyro.conf.arg(metavar="DIR")] = None,
    among: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("runs"),
    quick: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
) -> int:
    """Write the figures and report.md of a finished run again.

    Without RUN, compare all runs below a folder, and build RESULTS.md and its figures from the studies there.

    Args:
        run: a run folder.
        data: data directory, as for `run`.
        among: where to look for runs, without RUN.
        quick: build from the quick runs of the studies, which answer nothing.
    """
    if run is not None:
        return rewrite(run, data)
    folders = sorted(path.parent for path in among.glob(f"**/{runs.CONFIG}"))
    studies = among / "studies"
    if not folders and not studies.is_dir():
        raise runs.RunError(expected(str(among), "a folder with runs in it", "none"))
    if folders:
        compare(among, folders)
    if studies.is_dir():
        from experiments import results

        empty = results.build_report(studies, quick=quick, bundled=data == BUNDLED)
        print(results.RESULTS)
        if empty:
            print(f"not run yet: {', '.join(empty)}")
    return 0


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


def compare(folder: Path, found: list[Path]) -> None:
    """Print a table of the runs below a folder."""
    from rich.table import Table

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


def _row(path: Path) -> list[str]:
    """A run in words; those of an unfinished run are of its last finished epoch."""
    identity = runs.read_identity(path)
    rows = runs.read_metrics(path)
    epochs = identity.config.get("epochs")
    done = f"{epochs}" if (path / runs.RESULTS).is_file() else f"{len(rows)} of {epochs}"
    if not rows:
        return [identity.experiment, identity.source, done, "–", "–"]
    seconds = sum(row["seconds"] for row in rows) / len(rows)
    accuracy = f"{100 * rows[-1]['test_accuracy']:.2f} %"
    return [identity.experiment, identity.source, done, accuracy, f"{seconds:.1f}"]
