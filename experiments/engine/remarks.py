"""Sentences that several studies make from their answers."""

from collections.abc import Callable, Sequence
from statistics import fmean

from experiments.engine.study import StudyResults

TIMED = "The shortest of three calls or more, on one core with no other run beside it."


def times_faster(*pairs: tuple[str, str]) -> Callable[[StudyResults], Sequence[str]]:
    """How many times less than the second setting the first one of each pair takes, by means over seeds."""

    def remarks(answers: StudyResults) -> list[str]:
        found = {label: answers.values(label).values() for pair in pairs for label in pair}
        return [
            f"{fast[:1].upper()}{fast[1:]}: {fmean(found[slow]) / fmean(found[fast]):,.0f} times faster than {slow}."
            for fast, slow in pairs
            if found[fast] and found[slow]
        ]

    return remarks
