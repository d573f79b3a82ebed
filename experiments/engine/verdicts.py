"""A figure of ours in print, and whether a reported one holds."""

import math
from collections.abc import Sequence
from statistics import fmean

from experiments.engine.statistics import Difference, next_run, quantile, spread
from experiments.engine.study import Claim, Measure, Setting, Statement, StudyResults
from fnnet.words import counted

NO_VERDICT, ONE_SEED = "–", "one seed only"
WORDS = {1: "clear", 0: "within the noise", -1: "the other way round"}


def word(difference: Difference) -> str:
    """What a difference comes to."""
    return "equal" if difference.mean == difference.half == 0 else WORDS[difference.verdict]


def compared(answers: StudyResults, claim: Claim | Statement, found: Difference) -> str:
    """+1.2 ± 0.3, in the measure's own direction; or which of two diverged."""
    if isinstance(claim, Claim) and (lost := [name for name in claim.pair if answers.all_diverged(name)]):
        return "both diverged" if len(lost) == 2 else f"“{lost[0]}” diverged"
    measure = claim.measure(answers.study)
    mean = found.mean if measure.higher else -found.mean
    half = measure.text(found.half) if math.isfinite(found.half) else "∞"
    return f"{'+' if mean >= 0 else '−'}{measure.text(abs(mean))} ± {half} (n = {found.n})"


def ours(answers: StudyResults, label: str, measure: Measure, values: dict[int, float] | None = None) -> str:
    """Mean ± spread over n seeds, and how many of them diverged."""
    got = list((answers.values(label) if values is None else values).values())
    seeds = len(list(answers.study.seeds))
    lost = answers.diverged(label)
    if not got:
        return "no run" if not answers.runs[label] else f"diverged ({lost} of {seeds})" if lost else "–"
    mean = measure.text(fmean(got))
    if measure.fixed and len(set(got)) == 1:
        return mean
    missing = f" of {seeds}" if 1 < len(got) < seeds else ""
    if measure is answers.study.measure and answers.setting(label).together:
        return f"{mean} ({counted(seeds, 'run')} together)"
    text = f"{mean} (1 seed" if len(got) == 1 else f"{mean} ± {measure.text(spread(got))} (n = {len(got)}{missing}"
    return f"{text}, {lost} diverged)" if lost else f"{text})"


def reported(answers: StudyResults, setting: Setting) -> str:
    """The report's figure in print, or its words; a dash where it gives none."""
    return setting.says or ("–" if setting.reported is None else answers.study.measure.text(setting.reported))


def holds(answers: StudyResults, setting: Setting) -> str:
    """Whether the reported figure could be one more run of ours, and how far from our mean that might be."""
    values = list(answers.values(setting.label).values())
    if setting.reported is None:
        return NO_VERDICT
    if not values:
        return "not reached" if answers.diverged(setting.label) > 1 else NO_VERDICT
    measure = answers.study.measure
    if len(values) < 2 and not setting.together:
        return ONE_SEED
    if answers.study.report == "best" or setting.bound:
        return reached(values, setting.reported, measure.higher)
    low, high = next_run(values)
    if low - measure.rounding <= setting.reported <= high + measure.rounding:
        return f"yes, ± {measure.text((high - low) / 2)}"
    above = low > setting.reported
    return "better" if above == measure.higher else "not reached"


def reached(values: Sequence[float], target: float, higher: bool) -> str:
    """Whether the mean reaches a target, and whether that is more than noise.

    >>> reached([0.9965, 0.997, 0.9965], 0.995, True), reached([0.994, 0.997, 0.995], 0.995, True)
    ('reached', 'reached, within the noise')
    >>> reached([0.003, 0.003, 0.004], 0.001, False)
    'not reached'
    """
    over = (fmean(values) - target) * (1 if higher else -1)
    noise = ", within the noise" if abs(over) <= quantile(len(values)) * spread(values) / math.sqrt(len(values)) else ""
    return f"{'reached' if over >= 0 else 'not reached'}{noise}"
