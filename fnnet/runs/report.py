"""What is made of a finished run: results.json, the figures, and report.md by `fnnet.runs.page`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnnet import tree
from fnnet.arrays import count
from fnnet.errors import DataError, expected
from fnnet.runs import facts, files, page, plots, trained, trainer
from fnnet.runs.answers import Figure, Look, Section
from fnnet.runs.experiment import Problem
from fnnet.runs.folder import METRICS, REPORT, RESULTS, Run
from fnnet.runs.page import CURVES
from fnnet.types import Params


def finish(run: Run, problem: Problem, params: Params) -> dict[str, Any]:
    """Write the trained net, the figures, report.md and results.json, in this order, and return the results.

    results.json comes last: where it is, the run is finished.
    """
    trained.save(run, problem, params)
    return write(run, problem, params)


def write(run: Run, problem: Problem, params: Params) -> dict[str, Any]:
    """Evaluate a trained net and write what can be read of its run.

    Raises:
        DataError: metrics.jsonl lacks what is held out.
        NonFiniteError: a loss is NaN or infinite.
    """
    rows, answers = run.metrics(), run.experiment.answers
    if not rows or any(f"{part}_loss" not in rows[0] for part in problem.held_out):
        wanted = f"lines with the losses on {', '.join(problem.held_out)}"
        raise DataError(expected(str(run.folder / METRICS), wanted, f"{len(rows)} lines without"))
    losses = [row["loss"] for row in run.steps()]
    results = {**_measured(run, problem, params), **_made(run, rows, len(losses))}
    curves = plots.curves(rows, losses, len(losses) / len(rows), answers.headline, problem.loss_words)
    sections = [*answers.sections(Look(problem, run.settings, params, results)), *_kernels(params)]
    figures = {CURVES: curves, **{figure.file: figure.png for section in sections for figure in section.figures}}
    for name, png in figures.items():
        files.write(run.folder / name, png)
    told = page.Told(run.experiment, run.settings, problem, params, rows, results, run.sessions(), sections)
    files.write(run.folder / REPORT, page.text(told))
    files.write(run.folder / RESULTS, files.to_json(results))
    return results


def _measured(run: Run, problem: Problem, params: Params) -> dict[str, dict[str, Any]]:
    """Of each part of the data: examples, loss, and what is measured and counted."""
    answers, found = run.experiment.answers, {}
    for part, examples in {"train": problem.train, **problem.held_out}.items():
        what = f"the {part} loss of the trained net"
        metrics = {**answers.metrics, **answers.counts}
        values = trainer.measured(problem.evaluated or problem.net, params, examples, metrics, problem.loss, what)
        plain = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values.items()}
        found[part] = {"examples": count(examples[0]), **plain}
    return found


def _made(run: Run, rows: Sequence[dict[str, Any]], steps: int) -> dict[str, Any]:
    """How the training went: its length, time and memory."""
    return {
        "epochs": len(rows),
        **({} if run.settings.patience is None else {"best_epoch": best_epoch(rows)}),
        "steps": steps,
        "seconds": sum(row["seconds"] for row in rows),
        "seconds_per_epoch": float(np.median([row["seconds"] for row in rows])),
        "examples_per_second": float(np.median([row["examples_per_second"] for row in rows])),
        "peak_memory": facts.peak_memory(),
    }


def _kernels(params: Params) -> list[Section]:
    """The first convolution's, where there is one."""
    kernel = next((tree.array(leaf) for leaf in tree.leaves(params) if tree.array(leaf).ndim == 4), None)
    if kernel is None:
        return []
    said = "Weights of the first convolution: white is zero, red positive, blue negative."
    return [Section("Kernels of the first layer", [said], [Figure("kernels.png", "Kernels", plots.kernels(kernel))])]


def best_epoch(rows: Sequence[dict[str, Any]]) -> int:
    """The epoch whose net early stopping keeps: the first with the least validation loss.

    >>> best_epoch([{"epoch": i, "validation_loss": loss} for i, loss in [(1, 0.5), (2, 0.25), (3, 0.25)]])
    2
    """
    best: int = min(rows, key=lambda row: row["validation_loss"])["epoch"]
    return best
