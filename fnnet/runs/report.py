"""What a person reads of a run: results.json, the figures and report.md."""

import math
import shlex
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from fnnet import layers, metrics, summary, tree
from fnnet.errors import DataError, NonFiniteError, expected
from fnnet.runs import facts, files, plots, trainer
from fnnet.runs import folder as runs
from fnnet.runs.experiment import Experiment, Problem
from fnnet.runs.registry import EXPERIMENTS
from fnnet.types import Array, Params

CURVES, CONFUSION, MISTAKES, KERNELS = "curves.png", "confusion_{part}.png", "mistakes.png", "kernels.png"
SHOWN = 30  # mistakes on the page
PARTS = {"train": "training", "validation": "validation", "test": "test"}  # of the data, in words


def finish(experiment: Experiment, config: Any, problem: Problem, out: Path, params: Params) -> dict[str, Any]:
    """Write the trained net, the figures, report.md and results.json, in this order, and return the results.

    results.json comes last: where it is, the run is finished.
    """
    runs.save_params(out, experiment, config, problem, params)
    return write(experiment, config, problem, out, params)


def write(experiment: Experiment, config: Any, problem: Problem, out: Path, params: Params) -> dict[str, Any]:
    """Evaluate a trained net and write what can be read of its run."""
    rows = runs.read_metrics(out)
    if not rows or any(f"{part}_loss" not in rows[0] for part in problem.held_out):
        wanted = f"lines with the losses on {', '.join(problem.held_out)}"
        raise DataError(expected(str(out / runs.METRICS), wanted, f"{len(rows)} lines without"))
    parts = {"train": problem.train, **problem.held_out}
    measured = {part: _measure(problem, params, part, *examples) for part, examples in parts.items()}
    losses = [row["loss"] for row in runs.read_steps(out)]
    results = {
        **{part: found for part, (found, _) in measured.items()},
        "epochs": len(rows),
        **({} if config.patience is None else {"best_epoch": best_epoch(rows)}),
        "steps": len(losses),
        "seconds": sum(row["seconds"] for row in rows),
        "seconds_per_epoch": float(np.median([row["seconds"] for row in rows])),
        "examples_per_second": float(np.median([row["examples_per_second"] for row in rows])),
        "peak_memory": facts.peak_memory(),
    }
    steps_per_epoch = trainer.batch_count(problem, config)
    figures = {CURVES: plots.curves(rows, losses, steps_per_epoch)}
    for part in ("train", "test"):
        found, _ = measured[part]
        title = f"{'Training' if part == 'train' else 'Test'} set, {found['accuracy']:.2%} right".replace("%", " %")
        counts = np.array(found["confusion"])
        figures[CONFUSION.format(part=part)] = plots.confusion(counts, problem.classes, title)
    worst = _worst(problem.test[1], measured["test"][1])
    if len(problem.shape) == 3 and len(worst):
        x, labels = problem.test
        figures[MISTAKES] = plots.mistakes(x[worst], labels[worst], measured["test"][1][worst], problem.classes, worst)
    kernel = next((tree.array(leaf) for leaf in tree.leaves(params) if tree.array(leaf).ndim == 4), None)
    if kernel is not None:
        figures[KERNELS] = plots.kernels(kernel)
    for name, png in figures.items():
        files.write(out / name, png)
    files.write(out / runs.REPORT, _text(experiment, config, problem, params, rows, results, figures, out))
    files.write(out / runs.RESULTS, files.to_json(results))
    return results


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


def table(head: Sequence[str], rows: Iterable[Sequence[object]], right: str = "") -> str:
    """A Markdown table; `right` has an `r` for each column that is set flush right.

    >>> print(table(["a", "b"], [[1, 2]], " r"))
    | a | b |
    | --- | ---: |
    | 1 | 2 |
    """
    marks = ["---:" if mark == "r" else "---" for mark in right.ljust(len(head))]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in [head, marks, *rows])


def _text(
    experiment: Experiment,
    config: Any,
    problem: Problem,
    params: Params,
    rows: Sequence[dict[str, Any]],
    results: dict[str, Any],
    figures: dict[str, bytes],
    out: Path,
) -> str:
    """report.md."""
    test = results["test"]
    measured = {part: results[part] for part in PARTS if part in results}
    epochs = results.get("best_epoch", len(rows))
    wrong = round((1 - test["accuracy"]) * test["examples"])
    net = summary.summary(problem.net, problem.shape, params)
    whole = summary.total(net)
    sessions = runs.read_sessions(out)
    parts = [
        f"# {experiment.name}, seed {config.seed}",
        f"{EXPERIMENTS[experiment.name][1]}",
        f"**{_percent(test['accuracy'])}** of the {test['examples']:,} test examples of {problem.source} are read "
        f"right after {epochs} epoch{'s' * (epochs != 1)}; {wrong:,} are not.",
        *_stopping(config, results),
        table(
            ["", *(f"{PARTS[part]} set" for part in measured)],
            [
                ["examples", *(f"{found['examples']:,}" for found in measured.values())],
                ["accuracy", *(_percent(found["accuracy"]) for found in measured.values())],
                ["cross-entropy", *(f"{found['loss']:.4f}" for found in measured.values())],
            ],
            " " + "r" * len(measured),
        ),
        table(
            ["", ""],
            [
                ["time per epoch", f"{results['seconds_per_epoch']:.1f} s (median), training only"],
                ["examples per second", f"{results['examples_per_second']:,.0f}"],
                ["whole training", f"{results['seconds']:.1f} s, {results['steps']:,} steps"],
                ["peak memory", _memory(results["peak_memory"])],
                ["parameters", f"{whole.parameters:,}"],
            ],
        ),
        "## Curves",
        f"![Loss and accuracy by epoch]({CURVES})",
        "Training figures are means over an epoch, of every batch just before the step on it; the others are those of "
        "the net after the epoch.",
        table(
            ["epoch", *(f"{PARTS[part]} {name}" for part in measured for name in SHOWS), "seconds", "examples/s"],
            [
                [
                    row["epoch"],
                    *(show(row[f"{part}_{name}"]) for part in measured for name, show in SHOWS.items()),
                    f"{row['seconds']:.1f}",
                    f"{row['examples_per_second']:,.0f}",
                ]
                for row in rows
            ],
            "r" * (3 + len(SHOWS) * len(measured)),
        ),
        "## Which classes are taken for which",
        "Rows are the true class, columns what the net reads. Errors are shaded by their number.",
        f"![Confusion matrix of the test set]({CONFUSION.format(part='test')})",
        f"![Confusion matrix of the training set]({CONFUSION.format(part='train')})",
    ]
    if MISTAKES in figures:
        of_all = f"The {SHOWN} of {wrong:,}" if wrong > SHOWN else "All"
        parts += [
            "## Mistakes",
            f"{of_all} misclassified test examples, those first of which the net was surest: what it reads and what it "
            "is, each with the probability the net gives it. The number is the place in the test set.",
            f"![Misclassified examples]({MISTAKES})",
        ]
    if KERNELS in figures:
        parts += [
            "## Kernels of the first layer",
            "Weights of the first convolution: grey is zero, white positive, black negative.",
            f"![Kernels]({KERNELS})",
        ]
    parts += [
        "## The net",
        table(
            ["path", "output shape", "parameters", "multiply-adds"],
            [
                *([f"`{row.path}`", row.out_shape, f"{row.parameters:,}", _count(row.multiply_adds)] for row in net),
                ["**all**", "", f"**{whole.parameters:,}**", f"**{_count(whole.multiply_adds)}**"],
            ],
            "  rr",
        ),
        f"One example has the shape {problem.shape}; multiply-adds are those of one example in evaluation.",
        "## Settings",
        table(["setting", "value", ""], _settings(config)),
        "## To repeat it",
        f"```\n{_command(experiment, config, problem)}\n```",
        "The same bytes are promised where these facts are the same:",
        table(["", ""], [[name, value] for name, value in sessions[-1]["facts"].items()]),
        table(["data", "digest"], [[name, f"`{digest}`"] for name, digest in problem.digests.items()]),
    ]
    if len(sessions) > 1:
        after = ", ".join(f"{session['after_step']:,}" for session in sessions[1:])
        parts.append(f"The run was resumed after step {after}.")
    return "\n\n".join(parts) + "\n"


def _stopping(config: Any, results: dict[str, Any]) -> list[str]:
    """A paragraph on early stopping, where there was any."""
    if "best_epoch" not in results:
        return []
    made, best = results["epochs"], results["best_epoch"]
    if made - best < config.patience:
        why = f"Training made all its {made} epochs."
    else:
        why = f"Training ended with epoch {made}, patience being {config.patience}."
    return [f"Early stopping: this is the net of epoch {best}, the one with the least validation loss. {why}"]


def _settings(config: Any) -> list[list[object]]:
    """A row for every setting, those that are not the default marked."""
    return [
        [f"`{field.name}`", value, "" if value == field.default else f"default {field.default}"]
        for field in attrs.fields(type(config))
        for value in [getattr(config, field.name)]
    ]


def _command(experiment: Experiment, config: Any, problem: Problem) -> str:
    words = ["fnnet", "train", experiment.name]
    for field in attrs.fields(type(config)):
        value = getattr(config, field.name)
        if value != field.default:
            words += [f"--{field.name.replace('_', '-')}", str(value)]
    words += ["--data", problem.data] if problem.data else []
    return shlex.join(words)


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f} %"


SHOWS: dict[str, Callable[[float], str]] = {"loss": "{:.4f}".format, "accuracy": _percent}


def _count(number: int | None) -> str:
    return "–" if number is None else f"{number:,}"


def _memory(size: int | None) -> str:
    return "unknown" if size is None else f"{size / 1e6:,.0f} MB"
