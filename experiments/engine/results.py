"""RESULTS.md: every study as a table, sentences and figures, all made from the run files."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from experiments.engine import again, archive, changes, page, store
from experiments.engine.statistics import CONFIDENCE
from experiments.engine.study import Run, Study, StudyResults, Task, studies, task_name
from experiments.engine.verdicts import compared, holds, ours, reported, word
from experiments.engine.words import Language
from experiments.registry import REPORTS
from fnnet.runs import files, markdown
from fnnet.words import counted, duration

RESULTS = Path("experiments/RESULTS.md")
FIGURES = "figures"  # beside RESULTS.md
TRANSLATED = "RESULTS.zh.md"  # beside it: its first page in Chinese
TITLES = {
    "R1": "R1 · Back-propagation network and ten extensions (a part of MNIST)",
    "R2": "R2 · LeNet-5 with sigmoids and average pooling (MNIST)",
    "R3": "R3 · A small library on digits.mat",
    "R4": "R4 · A sine, twelve handwritten characters, convolutional nets",
    "R5": "R5 · LeNet-5 with ReLU, max pooling and Adam (MNIST)",
    "best": "Better than the reports",
}
READING = f"""\
*Reported* is one run without a seed, as its authors measured it; *line* is where it stands in the report. The first
rows of a study are what the report did, to the letter, with what else its code changes beside what it names; rows in
*italics* are ours: one thing varied alone, a defect repaired, an answer or an improvement. Where a report does not say
how it was done, rows give the range over what is plausible, and the note says what is missing.

*Ours*, in tables, is mean ± standard deviation over seeds; a seed gives all settings of a study the same first weights
(where they have the same place), the same order of examples and the same test set, so differences are compared seed by
seed. Seeds vary, test images do not: for other images from the same source add an uncertainty of about
√(p (1 − p) / N), p being the accuracy and N the number of test images. *Diverged*: the loss was no number any more,
and the run ended there.

*Holds?* asks whether one more run of ours, expected in mean ± t·s·√(1 + 1/n) with {CONFIDENCE:.0%} confidence, could be
the reported one: **yes** if the reported figure lies inside, with half that interval behind it: how far off it could be
and still count; **better** if ours lie wholly on the better side of it; **not reached** if wholly on the other. With
three seeds that is ± 5 s, with five ± 3 s: *yes* says little where it is wide.
A bound (“> 95 %”) or a target of ours is **reached** if our mean reaches it; *within the noise* says that the
{CONFIDENCE:.0%} t-interval of the mean holds it.

What a report says of two settings, or of a curve, is a row of a second table: a figure of every seed, above zero (for
errors, losses and times: below) where the report is right; mean ± half the {CONFIDENCE:.0%} t-interval. It is **clear**
if that interval leaves out zero on the side that was reported or, in comparisons of our own (italics), asked. With
three seeds that takes a large difference. Where all runs of one of two settings diverged, the other is the better
one without measure. No correction is made for the number of comparisons. Many rows are one
default setting, and then compared with the same runs. Curves are means over seeds, in a band from the least to the
greatest.
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
    first = page.first_page(found)
    for name, picture in first.figures.items():
        files.write(folder / name, picture())
        drawn.add(name)
    for old in folder.glob("*.png"):
        if old.name not in drawn and old.name.partition("-")[0] in (*REPORTS, "page"):  # others are not ours
            old.unlink()
    made_again = {} if quick or bundled else again.known(again.kinds(found), again.entries(runs))  # of full runs alone
    files.write(path, "\n".join(_page(found, runs, quick, first, made_again)) + "\n")
    files.write(path.parent / TRANSLATED, "\n".join([*_title(quick, first, "zh"), *first.lines("zh", FIGURES)]) + "\n")
    return [answers.study.name for answers in found if answers.empty]


def figure_name(study: Study, ending: str) -> str:
    """The file of a figure."""
    return f"{'-'.join(filter(None, (study.name, ending)))}.png"


def _title(quick: bool, first: page.Page, language: Language) -> Iterator[str]:
    """Above the first page."""
    yield f"# {first.title[language]}"
    yield ""
    if quick:
        yield "**From short runs on little data: these figures answer nothing.**"
        yield ""


def _page(
    found: Sequence[StudyResults],
    runs: Path,
    quick: bool,
    first: page.Page,
    made_again: dict[again.Kind, again.Compared | None],
) -> Iterator[str]:
    yield from _title(quick, first, "en")
    yield f"[中文]({TRANSLATED})"
    yield ""
    if not quick and (lacking := [_lacking(answers) for answers in found if not answers.whole]):
        yield f"**Not all runs are made yet: {', '.join(lacking)}.** Their rows say how many seeds they have."
        yield ""
    yield from first.lines("en", FIGURES)
    yield "## How to read what follows, and how it was made"
    yield ""
    yield (
        "Made by `python -m experiments run all` and `… report`; no figure of ours is written by hand. The runs "
        f"themselves are in [{archive.ARCHIVE.name}]({archive.ARCHIVE.name}): `python -m experiments archive unpack`, "
        "then `report`, makes this page of them."
    )
    yield ""
    yield from _origin(found, runs, quick)
    if compared := [one for one in made_again.values() if one]:
        of = counted(len(made_again), "kind")
        same = sum(not one.others for one in compared)
        yield (
            f"- What other code made is of {of}, by task and digest, timed runs left out. Of {len(compared)} of them "
            "the code as it stands has made a run again, the quickest (`python -m experiments again`): in "
            f"{same} every figure is the same, to the last digit."
        )
    yield ""
    yield READING
    yield from changes.section(found)
    for report, title in TITLES.items():
        group = [answers for answers in found if answers.study.report == report]
        if group:
            yield f"## {title}"
            yield ""
            for answers in group:
                yield from section(answers)
    yield from _codes(found, made_again)


def _lacking(answers: StudyResults) -> str:
    """How many runs of a study are missing, counted by its settings."""
    seeds = len(answers.study.seeds)
    missing = sum(seeds - len(runs) for runs in answers.runs.values())
    return f"{answers.study.name} lacks {missing} of {seeds * len(answers.runs)}" if missing else answers.study.name


def _origin(found: Sequence[StudyResults], runs: Path, quick: bool) -> Iterator[str]:
    """Which code made the runs, on what, in what time."""
    made = _made(found)
    unique = [run for _, run in made]
    if not unique:
        yield "No run is finished."
        return
    machines = {
        f"{run.facts['processor']}, NumPy {run.facts['numpy']}, {run.facts['blas']}, threads in a run: "
        f"{run.facts['blas threads']}"
        for run in unique
    }
    yield f"- {len(unique):,} runs, {duration(sum(run.seconds for run in unique))} together."
    sessions = [session for session in store.sessions(runs) if session["runs"] and session["quick"] == quick]
    if sessions:
        jobs = sorted({session["jobs"] for session in sessions})
        wall = duration(sum(session["seconds"] for session in sessions))
        known = sum(session["runs"] for session in sessions)
        beyond = f"; {len(unique) - known:,} runs are of sessions that were killed" if known < len(unique) else ""
        number = counted(len(sessions), "session")
        yield f"- Wall time {wall} in {number}, {' or '.join(map(str, jobs))} at once{beyond}."
    own = sum(store.stands(task, run) for task, run in made)
    state = "every run" if own == len(made) else f"{own:,} of them"
    yield (
        f"- The code as it stands made {state}; the last table says which made which. A run's file has the digest of "
        "what its task computes with, the modules it reaches by name, so a change elsewhere leaves it valid."
    )
    yield f"- On {'; '.join(sorted(machines))}."


def _codes(found: Sequence[StudyResults], made_again: dict[again.Kind, again.Compared | None]) -> Iterator[str]:
    """Which code made which runs, and what some of them come to by the code as it stands."""
    counts = Counter((_short(task), run.code, store.stands(task, run)) for task, run in _made(found))
    if not counts:
        return
    made = {(_short(kind.study.task), kind.run.code): one.words for kind, one in made_again.items() if one}
    rows = [
        [name, f"`{code}`", f"{count:,}", "" if stands else "yes", made.get((name, code), "")]
        for (name, code, stands), count in sorted(counts.items())
    ]
    heads = ["task", "digest of what it computes with", "runs", "changed since", "the quickest made again"]
    yield "## Which code made which runs"
    yield ""
    yield markdown.table(heads, rows, "  r  ")
    yield ""


def _short(task: Task) -> str:
    """A task in print, as `r1.tasks.train`."""
    return task_name(task).removeprefix("experiments.reports.").replace(":", ".")


def _made(found: Sequence[StudyResults]) -> list[tuple[Task, Run]]:
    """Every run once, and what it was made by: settings of one configuration share a file, which is read for each."""
    by_content = {
        (run.seed, run.seconds, run.code): (answers.study.task, run)
        for answers in found
        for of in answers.runs.values()
        for run in of.values()
    }
    return list(by_content.values())


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
    """Setting, the report's line, reported, ours, further columns, and whether it holds."""
    study = answers.study
    lines = any(setting.line for setting in study.settings)
    heads = [
        "setting",
        *(["line"] if lines else []),
        "target" if study.report == "best" else "reported",
        f"ours: {study.measure.title}",
        *(column.title for column in study.columns),
        "holds?",
    ]
    rows = [
        [
            f"*{setting.label}*" if setting.ours else setting.label,
            *([setting.line or "–"] if lines else []),
            reported(answers, setting),
            ours(answers, setting.label, study.measure, answers.values(setting.label)),
            *(ours(answers, setting.label, column, answers.values(setting.label, column)) for column in study.columns),
            holds(answers, setting),
        ]
        for setting in study.settings
    ]
    return markdown.table(heads, rows)


def verdicts(answers: StudyResults) -> Iterator[str]:
    """How many of the report's statements hold, and a table of them and of our own comparisons."""
    claims = sorted(answers.study.claims, key=lambda claim: claim.ours)
    judged = [(claim, claim.compared(answers)) for claim in claims]
    theirs = [found for claim, found in judged if not claim.ours and found]
    if theirs:
        yield f"Reported statements that are clear: {sum(found.verdict == 1 for found in theirs)} of {len(theirs)}."
    rows = [
        [
            f"*{claim.text}*" if claim.ours else claim.text,
            claim.line or "–",
            claim.measure(answers.study).title,
            compared(answers, claim, found) if found else "–",
            word(found) if found else "–",
        ]
        for claim, found in judged
    ]
    if rows:
        yield markdown.table(["said, or asked", "line", "by", "ours", "verdict"], rows)
