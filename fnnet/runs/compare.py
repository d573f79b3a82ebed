"""Two runs, byte for byte: the first step and the leaf where they part."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from fnnet import checkpoint
from fnnet.runs import facts, identity
from fnnet.runs.folder import PARAMS, Run
from fnnet.types import Params

TIMES = ("seconds", "look_seconds", "examples_per_second")  # of metrics.jsonl: what may differ


def first_difference(these: Sequence[dict[str, Any]], those: Sequence[dict[str, Any]]) -> str | None:
    """Where the lines of two steps.jsonl part, in words; None where they do not, as far as the shorter one goes.

    >>> print(first_difference([{"step": 0, "loss": 2.5}], [{"step": 0, "loss": 2.25}]))
    step 0: loss 2.5 and 2.25
    """
    agreed = None
    for i, (this, that) in enumerate(zip(these, those, strict=False)):
        leaves = _leaves(this, that)
        if leaves:
            return f"params before step {this['step']} differ in {', '.join(leaves)}{_since(agreed)}"
        if "digests" in this and "digests" in that:
            agreed = this["step"]
        if (this["step"], this["loss"]) != (that["step"], that["loss"]):
            later = zip(these[i + 1 :], those[i + 1 :], strict=False)
            where = next(((one["step"], found) for one, other in later if (found := _leaves(one, other))), None)
            then = f"; by step {where[0]} {', '.join(where[1])} differ" if where else ""
            return f"step {this['step']}: loss {this['loss']!r} and {that['loss']!r}{_since(agreed)}{then}"
    return None


def _leaves(this: dict[str, Any], that: dict[str, Any]) -> list[str]:
    """Leaves whose digests differ, where both lines have digests."""
    mine, yours = this.get("digests", {}), that.get("digests", {})
    return [path for path in {**mine, **yours} if mine.get(path) != yours.get(path)] if mine and yours else []


def _since(agreed: int | None) -> str:
    return "" if agreed is None else f" (params were equal before step {agreed})"


def causes(one: Run, other: Run) -> list[str]:
    """Recorded facts in which two runs differ: settings, data, versions, code, threads.

    Raises:
        DataError: a file is damaged.
    """
    names = str(one.folder), str(other.folder)
    return [
        *identity.differences(one.whole, other.whole, names),
        *facts.changed(one.facts(), other.facts(), names),
    ]


def outcomes(one: Run, other: Run) -> list[str]:
    """What came out differently in two runs, first things first; empty where their bytes are equal.

    Raises:
        DataError: a file is damaged.
    """
    found = []
    these, those = one.steps(), other.steps()
    step = first_difference(these, those)
    if step:
        found.append(step)
    if len(these) != len(those):
        found.append(f"{len(these):,} steps and {len(those):,}")
    found += metrics_differ(one.metrics(), other.metrics())
    trained = [run.folder / PARAMS for run in (one, other)]
    if all(path.is_file() for path in trained):
        found += params_differ(*map(checkpoint.load, trained))
    return found


def metrics_differ(these: Sequence[dict[str, Any]], those: Sequence[dict[str, Any]]) -> list[str]:
    """A phrase for the first epoch in which the lines of two metrics.jsonl differ, times aside.

    >>> metrics_differ([{"epoch": 1, "train_loss": 0.5, "seconds": 7.0}], [{"epoch": 1, "train_loss": 0.25}])
    ['metrics of epoch 1 differ in train_loss']
    """
    nothing: dict[str, Any] = {}
    for number, pair in enumerate(zip_longest(these, those, fillvalue=nothing), 1):
        this, that = ({name: value for name, value in row.items() if name not in TIMES} for row in pair)
        parts = [name for name in {**this, **that} if this.get(name) != that.get(name)]
        if parts:
            return [f"metrics of epoch {number} differ in {', '.join(parts)}"]
    return []


def params_differ(this: dict[str, Params], that: dict[str, Params]) -> list[str]:
    """A phrase if two dicts from path to array are not equal to the byte."""
    leaves = [
        path
        for path in {**this, **that}
        if path not in this or path not in that or facts.array_digest(this[path]) != facts.array_digest(that[path])
    ]
    return [f"trained params differ in {', '.join(leaves)}"] if leaves else []
