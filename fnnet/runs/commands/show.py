"""`show`: a run as it stands, finished or not: what it trains, how far it is, its net."""

from pathlib import Path
from typing import Annotated

import tyro
from rich.table import Table

from fnnet import summary
from fnnet.runs import cli, folder
from fnnet.runs.answers import Answers
from fnnet.runs.folder import Run, opened
from fnnet.runs.page import PARTS
from fnnet.runs.settings import by_default
from fnnet.runs.trained import load_trained
from fnnet.types import Layer, Params, Shapes
from fnnet.words import counted

EPOCHS = 10  # the last so many are shown


def main(args: list[str]) -> int:
    """Print what is known of a run without its data."""
    return cli.parse(show, args, "fnnet show")


def show(run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]) -> int:
    """Show a run without its data: settings, the last epochs, how it ended or goes on, and the net layer by layer.

    Args:
        run: a run folder.
    """
    shown, console = opened(run), cli.console()
    print(f"{shown.experiment.name} on {shown.identity.source}, seed {shown.settings.seed}: {_state(shown)}")
    print(f"settings: {_settings(shown)}")
    if rows := shown.metrics():
        print()
        console.print(_epochs(rows[-EPOCHS:], shown.experiment.answers))
    print()
    if shown.finished:
        trained = load_trained(run)
        console.print(layer_table(trained.net, trained.params, trained.shape))
    elif shown.experiment.net is None:
        print(f"its net depends on the data; it is shown once {folder.PARAMS} is there")
    else:
        print(shown.experiment.net(shown.settings))
    return 0


def _state(run: Run) -> str:
    """How far a run is, in words."""
    made, sessions = len(run.metrics()), run.sessions()
    if run.finished:
        return f"finished after {counted(made, 'epoch')}, test {run.tested()}"
    if (step := folder.non_finite(sessions)) is not None:
        return f"ended at step {step:,}, at a number that is not finite"
    again = cli.command("train", run.experiment.name, "--out", run.folder, "--resume")
    return f"{made} of {counted(run.settings.epochs, 'epoch')} made; go on with: {again}"


def _settings(run: Run) -> str:
    """Those that are not the default."""
    usual = by_default(run.settings)
    values = {name: getattr(run.settings, name) for name in usual}
    return ", ".join(f"{name} {values[name]}" for name in usual if values[name] != usual[name]) or "all as by default"


def _epochs(rows: list[dict[str, float]], answers: Answers) -> Table:
    """The lines of metrics.jsonl, losses and what else is measured."""
    columns = [(part, name) for part in PARTS for name in answers.texts if f"{part}_{name}" in rows[0]]
    table = Table("epoch", *(f"{part} {name.replace('_', ' ')}" for part, name in columns), "seconds", box=None)
    for row in rows:
        figures = [answers.texts[name](row[f"{part}_{name}"]) for part, name in columns]
        table.add_row(f"{row['epoch']}", *figures, f"{row['seconds']:.1f}")
    return table


def layer_table(net: Layer, params: Params, shape: Shapes) -> Table:
    """A net layer by layer."""
    rows = summary.summary(net, shape, params)
    table = Table("layer", "output shape", "parameters", "multiply-adds", box=None)
    for row in (*rows, summary.total(rows)):
        adds = "–" if row.multiply_adds is None else f"{row.multiply_adds:,}"
        table.add_row(row.path or row.kind, str(row.out_shape or ""), f"{row.parameters:,}", adds)
    return table
