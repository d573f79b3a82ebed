"""`trace`: one step of a run, layer by layer."""

import itertools
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.table import Table

from fnnet import data as fnnet_data
from fnnet import training
from fnnet.errors import ConfigError, NonFiniteError, expected
from fnnet.runs import cli, files, trainer
from fnnet.runs import folder as runs
from fnnet.runs.experiment import Problem
from fnnet.runs.perform import fingerprint, load_position, same_problem
from fnnet.runs.threads import limited
from fnnet.runs.trainer import Position
from fnnet.training import LayerTrace, Sizes
from fnnet.types import Array


def main(args: list[str]) -> int:
    """Print a table and write a plot of one step."""
    return cli.parse(trace, args, "fnnet trace")


def trace(
    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
    step: int,
    data: Annotated[str | None, tyro.conf.arg(metavar="DIR")] = None,
) -> int:
    """Make one step of a run again and show how large activations, gradients and updates are in every layer.

    Starts from the run's checkpoint where that lies before the step, else from the beginning. Writes trace-STEP.png
    into the run's folder.

    Args:
        run: a run folder.
        step: the step, counted from 0 as in messages and in steps.jsonl.
        data: data directory, as for `run`.
    """
    experiment, config = runs.read_config(run)
    with limited(config.threads):
        problem = same_problem(experiment, config, run, data)
        position = reach(run, problem, config, step)
        batch = batch_at(problem, config, position)
        rows = training.trace(problem.net, problem.loss, problem.optimizer, position.state, batch)
    cli.console().print(table(rows, step))
    from fnnet.runs import plots

    path = run / f"trace-{step}.png"
    files.write(path, plots.sizes(rows, f"step {step}"))
    print(path)
    return 0


def reach(run: Path, problem: Problem, config: Any, step: int) -> Position:
    """The position before a step, from the checkpoint where that lies before it, else from the beginning.

    Raises:
        ConfigError: the run has no such step.
        NonFiniteError: a step before it fails.
    """
    count = trainer.batch_count(problem, config)
    steps = len(runs.read_steps(run)) if (run / runs.RESULTS).is_file() else config.epochs * count
    if not 0 <= step < steps:
        raise ConfigError(expected("--step", f"a step of the run, 0 to {steps - 1}", step))
    position = load_position(run, fingerprint(runs.read_identity(run)), problem, config)
    if position.state.step > step:
        position = trainer.start(problem, config)
    while position.state.step < step or position.batch == count:
        if position.batch == count:
            position = trainer.next_epoch(position)
            continue
        todo = step - position.state.step
        try:
            made = itertools.islice(trainer.steps(problem, config, position), todo)
            position = max(made, key=lambda one: one[0].state.step)[0]
        except NonFiniteError as error:
            error.message += f"; trace that step, {step} is never reached"
            raise
    return position


def batch_at(problem: Problem, config: Any, position: Position) -> tuple[Array, Array]:
    """The batch of the step that starts at a position."""
    order = trainer.order(position)
    x, labels = next(fnnet_data.batches(order, problem.train, config.batch_size, start=position.batch))
    return x, labels


def table(rows: tuple[LayerTrace, ...], step: int) -> Table:
    """Root mean squares of a step, layer by layer, with what is not finite and what is dead."""
    found = Table(title=f"step {step}: root mean squares", title_justify="left", box=None)
    for head in ("layer", "input", "output", "dead units", "d output", "weights", "d weights", "update / weights"):
        found.add_column(head, justify="left" if head == "layer" else "right")
    for row in rows:
        ratio = "–"
        if row.update is not None and row.params is not None and row.params.rms > 0:
            ratio = f"{row.update.rms / row.params.rms:.1e}"
        dead = f"{row.output.dead} of {row.output.units}" if row.output.units else "–"
        sizes = [_size(part) for part in (row.output_gradient, row.params, row.gradient)]
        found.add_row(row.path or row.kind, _size(row.input), _size(row.output), dead, *sizes, ratio)
    return found


def _size(sizes: Sizes | None) -> str:
    if sizes is None:
        return "–"
    bad = [f"{count} {what}" for count, what in ((sizes.nan, "NaN"), (sizes.infinite, "inf")) if count]
    return ", ".join(bad) if bad else f"{sizes.rms:.2e}"
