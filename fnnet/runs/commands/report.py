"""`report`: a run's report again, or all runs side by side."""

from pathlib import Path
from typing import Annotated

import tyro

from fnnet.errors import FnnetError, expected
from fnnet.runs import cli
from fnnet.runs.folder import CONFIG, REPORT, RunError, held, opened


def main(args: list[str]) -> int:
    """Write one report, or print a table of all runs."""
    return cli.parse(report, args, "fnnet report")


def report(
    run: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="[RUN]", help_behavior_hint="")] = None,
    data: Annotated[str | None, tyro.conf.arg(metavar="DIR")] = None,
    among: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("runs"),
) -> int:
    """Write the figures and report.md of a finished run again; without RUN, compare all runs below a folder.

    Args:
        run: a run folder.
        data: data directory, as for `train`.
        among: where to look for runs, without RUN.
    """
    if run is not None:
        return rewrite(run, data)
    folders = runs_below(among)
    if not folders:
        raise RunError(expected(str(among), "a folder with runs in it", "none", "name one with --among"))
    compare(among, folders)
    return 0


def runs_below(among: Path) -> list[Path]:
    """The run folders below a folder."""
    return sorted(path.parent for path in among.glob(f"**/{CONFIG}"))


def rewrite(folder: Path, data: str | None) -> int:
    """Write a run's report again from its files and the data."""
    from fnnet.runs.perform import same_plan
    from fnnet.runs.report import write
    from fnnet.runs.trained import load

    _, params = load(folder)
    with held(folder) as run:
        problem, _ = same_plan(run, data)
        write(run, problem, params)
    print(folder / REPORT)
    return 0


def compare(folder: Path, found: list[Path]) -> None:
    """Print a table of the runs below a folder."""
    from rich.table import Table

    table = Table("run", "experiment", "data", "epochs", "test", "seconds per epoch", box=None)
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
    run = opened(path)
    of, rows = run.identity, run.metrics()
    done = f"{len(rows)}" if run.finished else f"{len(rows)} of {of.config.get('epochs')}"
    if not rows:
        return [of.experiment, of.source, done, "–", "–"]
    seconds = sum(row["seconds"] for row in rows) / len(rows)
    headline = run.experiment.answers.headline
    tested = run.tested() if run.finished else headline.told(rows[-1][f"test_{headline.name}"])
    return [of.experiment, of.source, done, tested, f"{seconds:.1f}"]
