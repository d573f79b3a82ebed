"""Rows that are now as printed where an earlier table had another setting: what was said then, and what is said now."""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from experiments.engine.study import Claim, Setting, Study, StudyResults
from experiments.engine.verdicts import holds, ours, reported, word
from fnnet.runs import files, markdown

FORMER = Path(__file__).with_name("former.json")
# Read from the table of 576 runs that stood here before; a study -> its settings with what was ours and whether it
# held, and its reported differences with the unit and the verdict.


@cache
def former() -> dict[str, Any]:
    """The earlier tables."""
    found: dict[str, Any] = files.read_json(FORMER)
    return found


def was(answers: StudyResults, setting: Setting) -> tuple[str, str]:
    """Ours, and whether it held, in the earlier table."""
    mean, verdict = former()[answers.study.name]["settings"][setting.former]
    return mean, verdict


def judged(answers: StudyResults, claim: Claim) -> str | None:
    """The earlier verdict on a claim; None where it was not asked."""
    names = {setting.label: setting.former or setting.label for setting in answers.study.settings}
    pair = [names[label] for label in claim.pair]
    title = claim.measure(answers.study).title
    for better, worse, unit, verdict in former().get(answers.study.name, {"claims": []})["claims"]:
        if [better, worse] == pair and title.startswith(_today(unit, answers.study)):
            return str(verdict)
    return None


def _today(unit: str, study: Study) -> str:
    """How a figure's title begins that had this unit: points are of the study's measure, wobbles deviations."""
    if unit.startswith("wobble of "):
        return f"deviation of {unit.removeprefix('wobble of ').rpartition(', ')[0]}"
    return study.measure.title if unit == "points" else unit


def section(found: Sequence[StudyResults]) -> Iterator[str]:
    """Printed setting, line, reported, before and now."""
    rows = [
        [
            f"{answers.study.name}: {setting.label}",
            setting.line,
            reported(answers, setting),
            *was(answers, setting),
            ours(answers, setting.label, answers.study.measure),
            holds(answers, setting),
        ]
        for answers in found
        for setting in answers.study.settings
        if setting.former and answers.runs[setting.label]
    ]
    if not rows:
        return
    yield "## What became of rows that were not as printed"
    yield ""
    yield (
        "An earlier table had other settings in these places; *before* is what it said. The reports were read again, "
        "line by line."
    )
    yield ""
    heads = ["printed setting", "line", "reported", "before", "held before?", "ours", "holds?"]
    yield markdown.table(heads, rows)
    yield ""
    claims = [
        [f"{answers.study.name}: {claim.text}", claim.line, claim.measure(answers.study).title, before, word(now)]
        for answers in found
        for claim in answers.study.claims
        if isinstance(claim, Claim)
        and not claim.ours
        and (before := judged(answers, claim))
        and (now := claim.compared(answers))
        and word(now) != before
    ]
    if claims:
        yield "Statements of the reports that are judged otherwise than before:"
        yield ""
        yield markdown.table(["statement", "line", "by", "before", "now"], claims)
        yield ""
