"""What is made of a finished run: results.json, the figures, and report.md by `fnnet.runs.page`."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fnnet import layers, metrics, tree
from fnnet.errors import DataError, NonFiniteError, expected
from fnnet.runs import facts, files, page, plots, trained, trainer
from fnnet.runs.experiment import Problem
from fnnet.runs.folder import METRICS, REPORT, RESULTS, Run
from fnnet.runs.page import CONFUSION, CURVES, KERNELS, MISTAKES, SHOWN
from fnnet.types import Array, Params


def finish(run: Run, problem: Problem, params: Params) -> dict[str, Any]:
    """Write the trained net, the figures, report.md and results.json, in this order, and return the results.

    results.json comes last: where it is, the run is finished.
    """
    trained.save(run, problem, params)
    return write(run, problem, params)


def write(run: Run, problem: Problem, params: Params) -> dict[str, Any]:
    """Evaluate a trained net and write what can be read of its run."""
    rows = run.metrics()
    if not rows or any(f"{part}_loss" not in rows[0] for part in problem.held_out):
        wanted = f"lines with the losses on {', '.join(problem.held_out)}"
        raise DataError(expected(str(run.folder / METRICS), wanted, f"{len(rows)} lines without"))
    parts = {"train": problem.train, **problem.held_out}
    measured = {part: _measure(problem, params, part, *examples) for part, examples in parts.items()}
    losses = [row["loss"] for row in run.steps()]
    results = {
        **{part: found for part, (found, _) in measured.items()},
        "epochs": len(rows),
        **({} if run.settings.patience is None else {"best_epoch": best_epoch(rows)}),
        "steps": len(losses),
        "seconds": sum(row["seconds"] for row in rows),
        "seconds_per_epoch": float(np.median([row["seconds"] for row in rows])),
        "examples_per_second": float(np.median([row["examples_per_second"] for row in rows])),
        "peak_memory": facts.peak_memory(),
    }
    curves = plots.curves(rows, losses, len(losses) / len(rows))
    figures = {CURVES: curves, **_figures(problem, params, results, measured["test"][1])}
    for name, png in figures.items():
        files.write(run.folder / name, png)
    told = page.Told(run.experiment, run.settings, problem, params, rows, results, run.sessions(), tuple(figures))
    files.write(run.folder / REPORT, page.text(told))
    files.write(run.folder / RESULTS, files.to_json(results))
    return results


def _figures(problem: Problem, params: Params, results: dict[str, Any], probabilities: Array) -> dict[str, bytes]:
    """The pictures of what a trained net does, by file name; mistakes and kernels where there are any."""
    figures = {}
    for part, words in (("train", "Training"), ("test", "Test")):
        title = f"{words} set, {results[part]['accuracy']:.2%} right".replace("%", " %")
        counts = np.array(results[part]["confusion"])
        figures[CONFUSION.format(part=part)] = plots.confusion(counts, problem.classes, title)
    x, labels = problem.test
    worst = _worst(labels, probabilities)
    if len(problem.shape) == 3 and worst:
        figures[MISTAKES] = plots.mistakes(x[worst], labels[worst], probabilities[worst], problem.classes, worst)
    kernel = next((tree.array(leaf) for leaf in tree.leaves(params) if tree.array(leaf).ndim == 4), None)
    if kernel is not None:
        figures[KERNELS] = plots.kernels(kernel)
    return figures


def best_epoch(rows: Sequence[dict[str, Any]]) -> int:
    """The epoch whose net early stopping keeps: the first with the least validation loss.

    >>> best_epoch([{"epoch": i, "validation_loss": loss} for i, loss in [(1, 0.5), (2, 0.25), (3, 0.25)]])
    2
    """
    best: int = min(rows, key=lambda row: row["validation_loss"])["epoch"]
    return best


def _measure(problem: Problem, params: Params, part: str, x: Array, labels: Array) -> tuple[dict[str, Any], Array]:
    """Loss, accuracy and confusion counts of one part of the data, and the probabilities of its examples.

    Raises:
        NonFiniteError: the loss is NaN or infinite.
    """
    with np.errstate(all="ignore"):  # what comes of it is looked at below
        logits = trainer.predictions(problem.net, params, x)
        loss, _ = problem.loss(logits, labels)
    if not math.isfinite(loss):
        raise NonFiniteError(f"the {part} loss of the trained net is {loss}, although all its params are finite")
    found = {
        "examples": len(labels),
        "loss": loss,
        "accuracy": metrics.accuracy(logits, labels),
        "confusion": metrics.confusion(logits, labels).tolist(),
    }
    probabilities, _ = layers.softmax().apply((), logits)
    return found, probabilities


def _worst(labels: Array, probabilities: Array) -> list[int]:
    """Where the misclassified examples stand, the surest mistakes first, at most a page."""
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    surest = wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")]
    return [int(row) for row in surest[:SHOWN]]
