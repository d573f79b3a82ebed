"""RESULTS.md: every study as a table, sentences and figures, all made from the run files."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean

from experiments.engine import store
from experiments.engine.statistics import CONFIDENCE, Difference, next_run, paired, quantile, spread
from experiments.engine.study import Claim, Measure, Setting, Study, StudyResults, studies
from experiments.registry import REPORTS
from fnnet.runs import files, markdown
from fnnet.words import counted, duration

RESULTS = Path("experiments/RESULTS.md")
FIGURES = "figures"  # beside RESULTS.md
NO_VERDICT, ONE_SEED = UNDECIDED = ("–", "one seed only")
TITLES = {
    "R1": "R1 · Back-propagation network and ten extensions (a part of MNIST)",
    "R2": "R2 · LeNet-5 with sigmoids and average pooling (MNIST)",
    "R3": "R3 · A small library on digits.mat",
    "R4": "R4 · A sine, twelve handwritten characters, convolutional nets",
    "R5": "R5 · LeNet-5 with ReLU, max pooling and Adam (MNIST)",
    "best": "Better than the reports",
}
READING = f"""\
*Reported* is one run without a seed, as its authors measured it. *Ours*, in tables, is mean ± standard deviation over
seeds; a seed gives all settings of a study the same first weights (where they have the same place), the same order of
examples and the same test set, so differences are compared seed by seed. Seeds vary, test images do not: for other
images from the same source add an uncertainty of about √(p (1 − p) / N), p being the accuracy and N the number of test
images.

*Holds?* asks whether one more run of ours, expected in mean ± t·s·√(1 + 1/n) with {CONFIDENCE:.0%} confidence, could be
the reported one: **yes** if the reported figure lies inside; **better** if ours lie wholly on the better side of it;
**not reached** if wholly on the other. With three seeds that is ± 5 s, with five ± 3 s: *yes* says little then.
A bound (“> 95 %”) or a target of ours is **reached** if our mean reaches it; *within the noise* says that the
{CONFIDENCE:.0%} t-interval of the mean holds it.

A difference between settings, in sentences, is mean ± half the {CONFIDENCE:.0%} t-interval of the paired differences.
It *survives*, is *clear*, if that interval leaves out zero on the side that was reported or, in comparisons of our own,
asked: the setting named first is the better. With three seeds that takes a large difference. No correction is made for
the number of comparisons. Many rows are one default setting, and then compared with the same runs.
Settings in *italics* are ours, added for a fair comparison, as an answer or as an improvement. Curves are means over
seeds, in a band from the least to the greatest.
""".replace("95%", "95 %")


def build_report(
    runs: Path,
    path: Path = RESULTS,
    *,
    chosen: Sequence[Study] | None = None,
    quick: bool = False,
    bundled: bool = False,
) -> list[str]:
    """Write RESULTS.md and its figures from run files; return the names of the studies without a finished run.

    Args:
        runs: folder of the run files.
        path: the file to write; figures go into a folder beside it.
        chosen: the studies; all by default.
        quick: from the short runs, which answer nothing: tests the report.
        bundled: from runs on the bundled digits.
    """
    found = [store.results_of(study, runs, quick, bundled) for study in (chosen or list(studies().values()))]
    folder = path.parent / FIGURES
    folder.mkdir(parents=True, exist_ok=True)
    drawn = set()
    for answers in found:
        if not answers.empty:
            for ending, draw in answers.study.figures.items():
                name = figure_name(answers.study, ending)
                files.write(folder / name, draw(answers))
                drawn.add(name)
    for old in folder.glob("*.png"):
        if old.name not in drawn and old.name.partition("-")[0] in REPORTS:  # others are not ours
            old.unlink()
    files.write(path, "\n".join(_page(found, runs, quick)) + "\n")
    return [answers.study.name for answers in found if answers.empty]


def figure_name(study: Study, ending: str) -> str:
    """The file of a figure."""
    return f"{'-'.join(filter(None, (study.name, ending)))}.png"


def _page(found: Sequence[StudyResults], runs: Path, quick: bool) -> Iterator[str]:
    yield "# Results: the five reports, reproduced, answered and surpassed"
    yield ""
    if quick:
        yield "**From short runs on little data: these figures answer nothing.**"
        yield ""
    yield "Made by `python -m experiments run all` and `… report`; no figure of ours is written by hand."
    yield ""
    yield from _origin(found, runs, quick)
    yield ""
    yield READING
    yield from _overview(found)
    for report, title in TITLES.items():
        group = [answers for answers in found if answers.study.report == report]
        if group:
            yield f"## {title}"
            yield ""
            for answers in group:
                yield from section(answers)


def _origin(found: Sequence[StudyResults], runs: Path, quick: bool) -> Iterator[str]:
    """Which code made the runs, on what, in what time."""
    every = {id(run): run for answers in found for of in answers.runs.values() for run in of.values()}
    # Settings that share a configuration share a file; it is read anew for each, so count by content.
    unique = {(run.seed, run.seconds, run.code): run for run in every.values()}
    if not unique:
        yield "No run is finished."
        return
    codes = Counter(run.code for run in unique.values())
    current = store.code_digest()
    listed = ", ".join(
        f"`{code}` ({count:,} runs{', the code as it stands' if code == current else ''})"
        for code, count in codes.items()
    )
    machines = {
        f"{run.facts['processor']}, NumPy {run.facts['numpy']}, {run.facts['blas']}, threads in a run: "
        f"{run.facts['blas threads']}"
        for run in unique.values()
    }
    yield f"- {len(unique):,} runs, {duration(sum(run.seconds for run in unique.values()))} together."
    sessions = [session for session in store.sessions(runs) if session["runs"] and session["quick"] == quick]
    if sessions:
        jobs = sorted({session["jobs"] for session in sessions})
        wall = duration(sum(session["seconds"] for session in sessions))
        known = sum(session["runs"] for session in sessions)
        beyond = f"; {len(unique) - known:,} runs are of sessions that were killed" if known < len(unique) else ""
        number = counted(len(sessions), "session")
        yield f"- Wall time {wall} in {number}, {' or '.join(map(str, jobs))} at once{beyond}."
    yield f"- Code (digest of all that computes): {listed}."
    yield f"- On {'; '.join(sorted(machines))}."


def _overview(found: Sequence[StudyResults]) -> Iterator[str]:
    """How many reported figures hold, and how many differences survive."""
    reports = [answers for answers in found if answers.study.report != "best" and not answers.study.alone]
    verdicts = {  # of a figure that stands in two reported tables, once
        (answers.study.task, setting.config, setting.read, setting.reported): holds(answers, setting)
        for answers in reports  # but for times: those are of another machine
        for setting in answers.study.settings
        if not setting.ours and setting.reported is not None
    }
    figures = Counter(verdict.partition(",")[0] for verdict in verdicts.values() if verdict not in UNDECIDED)
    pairs = [
        difference.verdict
        for answers in reports
        for claim in answers.study.claims
        if not claim.ours and (difference := compared(answers, claim))
    ]
    if not figures and not pairs:
        return
    yield "## In short"
    yield ""
    yield (
        f"- Of {figures.total()} reported figures, times apart, {figures['yes'] + figures['reached']} agree with ours, "
        f"{figures['better']} are bettered and {figures['not reached']} not reached."
    )
    yield (
        f"- Of {len(pairs)} reported differences, times apart, {pairs.count(1)} survive, {pairs.count(0)} are within "
        f"the noise and {pairs.count(-1)} are the other way round."
    )
    for answers in found:
        if answers.study.report == "best" and not answers.study.name.endswith("-search"):
            for setting in answers.study.settings:
                if setting.reported is not None and answers.runs[setting.label]:
                    measure = answers.study.measure
                    yield (
                        f"- {answers.study.name}: {measure.title} {ours(answers, setting.label, measure)}, target "
                        f"{measure.text(setting.reported)}: {holds(answers, setting)}."
                    )
    yield ""


def section(answers: StudyResults) -> Iterator[str]:
    """One study."""
    study = answers.study
    yield f"### {study.name}"
    yield ""
    yield f"**{study.asks}** {study.notes}".rstrip()
    yield ""
    if answers.empty:
        yield "No run is finished."
        yield ""
        return
    yield table(answers)
    yield ""
    sentences = [*verdicts(answers), *study.remarks(answers)]
    for sentence in sentences:
        yield sentence
        yield ""
    for ending in study.figures:
        yield f"![{study.name}: {study.asks}]({FIGURES}/{figure_name(study, ending)})"
        yield ""


def table(answers: StudyResults) -> str:
    """Setting, reported, ours, further columns, and whether it holds."""
    study = answers.study
    heads = [
        "setting",
        "target" if study.report == "best" else "reported",
        f"ours: {study.measure.title}",
        *(column.title for column in study.columns),
        "holds?",
    ]
    rows = [
        [
            f"*{setting.label}*" if setting.ours else setting.label,
            setting.says or (study.measure.text(setting.reported) if setting.reported is not None else "–"),
            ours(answers, setting.label, study.measure, answers.values(setting.label)),
            *(ours(answers, setting.label, column, answers.values(setting.label, column)) for column in study.columns),
            holds(answers, setting),
        ]
        for setting in study.settings
    ]
    return markdown.table(heads, rows)


def ours(answers: StudyResults, label: str, measure: Measure, values: dict[int, float] | None = None) -> str:
    """Mean ± spread over n seeds."""
    got = list((answers.values(label) if values is None else values).values())
    if not got:
        return "–" if answers.runs[label] else "no run"
    mean = measure.text(fmean(got))
    if measure.fixed and len(set(got)) == 1:
        return mean
    if len(got) == 1:
        return f"{mean} (1 seed)"
    missing = f" of {len(list(answers.study.seeds))}" if len(got) < len(list(answers.study.seeds)) else ""
    return f"{mean} ± {measure.text(spread(got))} (n = {len(got)}{missing})"


def holds(answers: StudyResults, setting: Setting) -> str:
    """Whether the reported figure could be one more run of ours."""
    values = list(answers.values(setting.label).values())
    if setting.reported is None or not values:
        return NO_VERDICT
    measure = answers.study.measure
    if len(values) < 2:
        return ONE_SEED
    if answers.study.report == "best" or setting.bound:
        return reached(values, setting.reported, measure.higher)
    low, high = next_run(values)
    if low - measure.rounding <= setting.reported <= high + measure.rounding:
        return "yes"
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


def compared(answers: StudyResults, claim: Claim) -> Difference | None:
    """The paired difference of a claim, positive where it is right."""
    better, worse = (answers.values(label, claim.by) for label in (claim.better, claim.worse))
    return paired(better, worse) if (claim.by or answers.study.measure).higher else paired(worse, better)


def verdicts(answers: StudyResults) -> Iterator[str]:
    """One sentence on the reported differences, one on ours."""
    for mine, words in ((False, "reported difference"), (True, "own comparison")):
        pairs = [(claim, compared(answers, claim)) for claim in answers.study.claims if claim.ours == mine]
        done = [(claim, difference) for claim, difference in pairs if difference]
        if not done:
            continue
        parts = []
        for verdict, phrase in ((1, "clear"), (0, "within the noise"), (-1, "the other way round")):
            listed = [
                _difference(claim.by or answers.study.measure, claim, difference)
                for claim, difference in done
                if difference.verdict == verdict
            ]
            if listed:
                parts.append(f"{phrase}: {'; '.join(listed)}")
        count = sum(difference.verdict == 1 for _, difference in done)
        n = min(difference.n for _, difference in done)
        plural = "s" if len(done) > 1 else ""
        verb = "survives" if 1 in (count, len(done)) else "survive"
        head = f"{words.capitalize()}{plural}" if mine else f"{count} of {len(done)} {words}{plural} {verb}"
        yield f"{head} (paired t-interval, {CONFIDENCE:.0%}, n = {n}). ".replace("95%", "95 %") + _sentence(parts)


def _sentence(parts: Sequence[str]) -> str:
    return " ".join(f"{part[0].upper()}{part[1:]}." for part in parts)


def _difference(measure: Measure, claim: Claim, difference: Difference) -> str:
    """“a” against “b” (+1.2 ± 0.3 points), in the measure's own direction and unit."""
    sign = 1 if measure.higher else -1
    half = measure.text(difference.half) if math.isfinite(difference.half) else "∞"
    mean = sign * difference.mean
    unit = "points" if measure.title.endswith("%") else measure.title
    shown = f"{'+' if mean >= 0 else '−'}{measure.text(abs(mean))} ± {half} {unit}"
    return f"“{claim.better}” against “{claim.worse}” ({shown})"
