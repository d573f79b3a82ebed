"""report.md, section by section: each makes its paragraphs from what is told of a run."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from fnnet import summary
from fnnet.runs.answers import Section as Shown
from fnnet.runs.experiment import Experiment, Problem
from fnnet.runs.markdown import table
from fnnet.runs.registry import EXPERIMENTS
from fnnet.runs.settings import Settings, by_default
from fnnet.types import Params
from fnnet.words import counted

CURVES = "curves.png"
LINES = 60  # of epochs in the table, at most
PARTS = {"train": "training", "validation": "validation", "test": "test"}  # of the data, in words


class Told(NamedTuple):
    """What a report is made of.

    Args:
        experiment, settings, problem, params: what was trained, and what came of it.
        rows: the lines of metrics.jsonl.
        results: the content of results.json.
        sessions: see `folder.Run.sessions`.
        sections: what is shown of the trained net.
    """

    experiment: Experiment
    settings: Settings
    problem: Problem
    params: Params
    rows: Sequence[dict[str, Any]]
    results: dict[str, Any]
    sessions: Sequence[dict[str, Any]]
    sections: Sequence[Shown]

    @property
    def measured(self) -> dict[str, dict[str, Any]]:
        """The results on each part of the data."""
        return {part: self.results[part] for part in PARTS if part in self.results}

    @property
    def columns(self) -> list[tuple[str, str]]:
        """Part of the data and name of what is measured there, the loss first."""
        return [(part, name) for part in self.measured for name in self.experiment.answers.texts]


Section: TypeAlias = Callable[[Told], Iterator[str]]  # the paragraphs, each without an empty line at its end


def text(told: Told) -> str:
    """report.md."""
    return "\n\n".join(paragraph for section in SECTIONS for paragraph in section(told)) + "\n"


def _head(told: Told) -> Iterator[str]:
    test, epochs = told.results["test"], told.results.get("best_epoch", len(told.rows))
    headline = told.experiment.answers.headline
    yield f"# {told.experiment.name}, seed {told.settings.seed}"
    yield EXPERIMENTS[told.experiment.name][1]
    yield (
        f"**{headline.text(test[headline.name])}** {headline.words} on the {test['examples']:,} test examples of "
        f"{told.problem.source}, after {counted(epochs, 'epoch')}{_and_then(told)}."
    )


def _and_then(told: Told) -> str:
    return "" if told.problem.ending is None else f" and {told.problem.ending.words}"


def _early_stopping(told: Told) -> Iterator[str]:
    if "best_epoch" not in told.results:
        return
    made, best, patience = told.results["epochs"], told.results["best_epoch"], told.settings.patience
    if made - best < (patience or 0):
        why = f"Training made all its {made} epochs."
    else:
        why = f"Training ended with epoch {made}, patience being {patience}."
    what = "this is the net" if told.problem.ending is None else "the epochs end with the net"
    yield f"Early stopping: {what} of epoch {best}, the one with the least validation loss. {why}"


def _ending(told: Told) -> Iterator[str]:
    if told.problem.ending is not None:
        yield "Curves, times, steps and the table by epoch are those of the epochs alone."


def _figures(told: Told) -> Iterator[str]:
    results, measured = told.results, told.measured
    yield table(
        ["", *(f"{PARTS[part]} set" for part in measured)],
        [
            ["examples", *(f"{found['examples']:,}" for found in measured.values())],
            *(
                [words, *(text(found[name]) for found in measured.values())]
                for name, text in told.experiment.answers.texts.items()
                for words in [told.problem.loss_words if name == "loss" else name.replace("_", " ")]
            ),
        ],
        " " + "r" * len(measured),
    )
    memory = results["peak_memory"]
    net = summary.summary(told.problem.net, told.problem.shape, told.params)
    yield table(
        ["", ""],
        [
            ["time per epoch", f"{results['seconds_per_epoch']:.1f} s (median), training only"],
            ["examples per second", f"{results['examples_per_second']:,.0f}"],
            ["whole training", f"{results['seconds']:.1f} s, {results['steps']:,} steps"],
            ["peak memory", "unknown" if memory is None else f"{memory / 1e6:,.0f} MB"],
            ["parameters", f"{summary.total(net).parameters:,}"],
        ],
    )


def _curves(told: Told) -> Iterator[str]:
    columns, texts = told.columns, told.experiment.answers.texts
    yield "## Curves"
    yield f"![Loss and {told.experiment.answers.headline.words} by epoch]({CURVES})"
    yield (
        "Training figures are means over an epoch, of every batch just before the step on it; the others are those of "
        "the net after the epoch."
    )
    yield table(
        ["epoch", *(f"{PARTS[part]} {name.replace('_', ' ')}" for part, name in columns), "seconds", "examples/s"],
        [
            [
                row["epoch"],
                *(texts[name](row[f"{part}_{name}"]) for part, name in columns),
                f"{row['seconds']:.1f}",
                f"{row['examples_per_second']:,.0f}",
            ]
            for row in told.rows[:: -(-len(told.rows) // LINES)]
        ],
        "r" * (3 + len(columns)),
    )


def _sections(told: Told) -> Iterator[str]:
    for section in told.sections:
        yield f"## {section.title}"
        yield from section.paragraphs
        for figure in section.figures:
            yield f"![{figure.words}]({figure.file})"


def _net(told: Told) -> Iterator[str]:
    rows = summary.summary(told.problem.net, told.problem.shape, told.params)
    whole = summary.total(rows)
    yield "## The net"
    yield table(
        ["path", "output shape", "parameters", "multiply-adds"],
        [
            *([f"`{row.path}`", row.out_shape, f"{row.parameters:,}", _count(row.multiply_adds)] for row in rows),
            ["**all**", "", f"**{whole.parameters:,}**", f"**{_count(whole.multiply_adds)}**"],
        ],
        "  rr",
    )
    yield f"One example has the shape {told.problem.shape}; multiply-adds are those of one example in evaluation."


def _settings(told: Told) -> Iterator[str]:
    rows = [
        [f"`{name}`", _plain(value), "" if value == usual else _plain(usual)]
        for name, usual in by_default(told.settings).items()
        for value in [getattr(told.settings, name)]
    ]
    yield "## Settings"
    if any(default for _, _, default in rows):
        yield table(["setting", "value", "by default"], rows)
    else:
        yield table(["setting", "value"], [row[:2] for row in rows])


def _repeating(told: Told) -> Iterator[str]:
    facts, digests = told.sessions[-1]["facts"], told.problem.digests
    yield "## To repeat it"
    yield f"```\n{command(told)}\n```"
    yield "The same bytes are promised where these facts are the same:"
    yield table(["", ""], [[name, value] for name, value in facts.items()])
    yield table(["data", "digest"], [[name, f"`{digest}`"] for name, digest in digests.items()])
    if len(told.sessions) > 1:
        after = ", ".join(f"{session['after_step']:,}" for session in told.sessions[1:])
        yield f"The run was resumed after step {after}."


SECTIONS: tuple[Section, ...] = (
    _head,
    _early_stopping,
    _ending,
    _figures,
    _curves,
    _sections,
    _net,
    _settings,
    _repeating,
)


def command(told: Told) -> str:
    """The command that makes the same run."""
    words = ["fnnet", "train", told.experiment.name]
    for name, usual in by_default(told.settings).items():
        value, option = getattr(told.settings, name), name.replace("_", "-")
        if value != usual and isinstance(value, bool):
            words.append(f"--{'' if value else 'no-'}{option}")
        elif value != usual:
            words += [f"--{option}", *map(str, value if isinstance(value, tuple) else [value])]
    words += ["--data", told.problem.data] if told.problem.data else []
    return shlex.join(words)


def _plain(value: object) -> object:
    """A setting as it is said, not as Python writes it."""
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else ("no", "yes")[value] if isinstance(value, bool) else value


def _count(number: int | None) -> str:
    return "–" if number is None else f"{number:,}"
