"""`trace`: one step of a run, layer by layer."""

import functools
import itertools
from pathlib import Path
from typing import Annotated

import tyro
from rich.table import Table

from fnnet import training
from fnnet.errors import ConfigError, NonFiniteError, expected
from fnnet.runs import cli, files, position, trainer
from fnnet.runs.folder import Run, opened
from fnnet.runs.perform import same_plan
from fnnet.runs.threads import limited
from fnnet.runs.trainer import Plan, Position
from fnnet.training import LayerTrace, Sizes


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
    into the run's folder. The batch is taken whole, also of a run with micro-batches.

    Args:
        run: a run folder.
        step: the step, counted from 0 as in messages and in steps.jsonl.
        data: data directory, as for `run`.
    """
    traced = opened(run)
    with limited(traced.settings.threads):
        _, plan = same_plan(traced, data)
        at = reach(traced, plan, step)
        batch = next(iter(plan.batches(trainer.order(at), at.batch)))
        rows = training.trace(plan.net, plan.loss, plan.optimizer, at.state, batch)
    cli.console().print(table(rows, step))
    from fnnet.runs import plots

    path = run / f"trace-{step}.png"
    files.write(path, plots.sizes(rows, f"step {step}"))
    print(path)
    return 0


def reach(run: Run, plan: Plan, step: int) -> Position:
    """The position before a step, from the checkpoint where that lies before it, else from the beginning.

    Raises:
        ConfigError: the run has no such step.
        NonFiniteError: a step before it fails.
    """
    seed, count = run.settings.seed, plan.batch_count or 0
    steps = len(run.steps()) if run.finished else plan.epochs * count
    if not 0 <= step < steps:
        raise ConfigError(expected("--step", f"a step of the run, 0 to {steps - 1}", step))
    at = position.load(run, plan, seed)
    if at.state.step > step:
        at = trainer.start(plan, seed)
    while at.state.step < step or at.batch == count:
        if at.batch == count:
            at = trainer.next_epoch(plan, at)
            continue
        try:
            todo = itertools.islice(trainer.steps(plan, at), step - at.state.step)
            at = functools.reduce(lambda _, made: made[0], todo, at)
        except NonFiniteError as error:
            error.message += f"; trace that step, {step} is never reached"
            raise
    return at


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
