"""Studies: a question asked of several settings, each trained over the same seeds; and the table of them all."""

import difflib
import importlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from statistics import fmean
from typing import Any, NamedTuple, TypeAlias

import attrs
import numpy as np

from experiments.engine.statistics import Difference, interval, paired
from experiments.registry import REPORTS, STUDIES
from fnnet.errors import ConfigError, expected

OnProgress: TypeAlias = Callable[[float], None]  # the fraction of a run that is done


class Result(NamedTuple):
    """What a task makes of a setting and a seed, in plain values that JSON can hold.

    Args:
        rows: one object an epoch (or whatever the task counts by), for curves.
        final: the figures at the end, by name.
    """

    rows: list[dict[str, Any]]
    final: dict[str, Any]


# (config, seed, data directory or None, tell) -> Result. A function of a module, so that other processes find it; pure
# but for reading data and for measured times.
Task: TypeAlias = Callable[[Any, int, str | None, OnProgress], Result]


@attrs.frozen(eq=False)
class Run:
    """A finished run, as its file tells.

    Args:
        seed: of everything random.
        rows, final: see `Result`.
        seconds: it took.
        code: digest of the code that made it, see `experiments.engine.store`.
        facts: versions, processor and the like.
    """

    seed: int
    rows: list[dict[str, Any]]
    final: dict[str, Any]
    seconds: float
    code: str
    facts: dict[str, Any]

    @property
    def diverged(self) -> bool:
        """Whether training ended with a loss that is no number; then there is no figure at the end."""
        return self.final.get(DIVERGED) is not None


DIVERGED = "diverged"  # in `final`: the step at which the loss was no number any more


@attrs.frozen(eq=False)
class Measure:
    """A figure that a run ends with.

    Args:
        title: column head, with its unit.
        read: from a run; None where this run has none.
        scale: factor before printing, such as 100 for percent.
        digits: decimals printed; None for figures of any size, printed with a power of ten.
        higher: whether more is better.
        fixed: whether it is the same for every seed, as a count of parameters is; then printed alone.
    """

    title: str
    read: Callable[[Run], float | None]
    scale: float = 1.0
    digits: int | None = 2
    higher: bool = True
    fixed: bool = False

    def text(self, value: float) -> str:
        """A value of this measure in print, without its unit."""
        if self.digits is None:
            return f"{value * self.scale:.1e}" if value else "0"
        return f"{value * self.scale:,.{self.digits}f}"

    @property
    def rounding(self) -> float:
        """What printing takes away at most."""
        return 0.0 if self.digits is None else 0.5 * 10**-self.digits / self.scale


def final(name: str) -> Callable[[Run], float | None]:
    """Reads the final figure of that name."""
    return lambda run: run.final.get(name)


def last(name: str) -> Callable[[Run], float | None]:
    """Reads the last value of a column."""

    def read(run: Run) -> float | None:
        values = column(run, name)
        return values[-1] if values else None

    return read


def at_epoch(epoch: int, name: str) -> Callable[[Run], float | None]:
    """Reads a column of the row of that epoch; of the last row, where a run has fewer (as quick ones have)."""

    def read(run: Run) -> float | None:
        rows = [row for row in run.rows if row["epoch"] <= epoch and row.get(name) is not None]
        if not rows or (run.diverged and rows[-1]["epoch"] < epoch):
            return None
        return rows[-1][name]

    return read


def column(run: Run, name: str) -> list[float]:
    """The values of a column, without the rows that have none; nothing of a run that has diverged."""
    return [] if run.diverged else [row[name] for row in run.rows if row.get(name) is not None]


_TREND = 3  # degree


def deviation_from_trend(name: str, part: float) -> Callable[[Run], float | None]:
    """Reads how far a column strays from its trend over the last part of the run: root mean square.

    The trend is a cubic, by least squares: beside a straight line the bend of a loss that falls ever more slowly, and
    smoothly, is many times what wavers.
    """

    def read(run: Run) -> float | None:
        values = column(run, name)
        last = values[-max(_TREND + 2, round(part * len(values))) :]
        if len(last) < _TREND + 2:
            return None
        trend = np.polynomial.Polynomial.fit(range(len(last)), last, _TREND)
        return math.sqrt(fmean((y - trend(at)) ** 2 for at, y in enumerate(last)))

    return read


def first_mean(epochs: int, name: str) -> Callable[[Run], float | None]:
    """Reads the mean of a column over the first epochs."""

    def read(run: Run) -> float | None:
        values = [row[name] for row in run.rows if row["epoch"] <= epochs and row.get(name) is not None]
        return fmean(values) if values and not run.diverged else None

    return read


def percent(title: str, name: str, digits: int = 2) -> Measure:
    """A final fraction, printed in percent."""
    return Measure(f"{title}, %", final(name), 100, digits)


TEST_ACCURACY = percent("test accuracy", "test_accuracy")


@attrs.frozen(eq=False)
class Setting:
    """One answer that is tried.

    Args:
        label: row of the table and name in the figure.
        config: attrs value of plain settings; settings with equal configs share their runs.
        reported: the figure in the report, in the measure's own unit before its scale.
        says: the figure as the report words it, where it is more or less than a number.
        read: where this setting's figure stands in a run; by default where the study's measure looks.
        ours: whether we added it, for a fair comparison or as an improvement.
        bound: whether the reported figure is one to reach, "above 95 %", and not one to meet.
        line: where in the report it stands, as "R1 l.889"; every setting that is not ours has one.
        former: the label of the row in whose place it stands, where an earlier table had another setting there.
        instead: the label of the row in whose place it may stand, as another reading of what the report leaves open: of
            both, the better one counts.
        together: the one figure of the runs of all seeds, in the measure's own unit, where the answer is theirs in
            common; None where they have none.
    """

    label: str
    config: Any
    reported: float | None = None
    says: str = ""
    read: Callable[[Run], float | None] | None = None
    ours: bool = False
    bound: bool = False
    line: str = ""
    former: str = ""
    instead: str = ""
    together: Callable[[Sequence[Run]], float | None] | None = None


@attrs.frozen(eq=False)
class Claim:
    """That one setting is better than another.

    Args:
        better, worse: labels.
        ours: whether we ask it and not the report.
        by: the figure it is about, if not the study's measure.
        line: where the report says so.
        says: in its words, where the labels do not tell.
    """

    better: str
    worse: str
    ours: bool = False
    by: Measure | None = None
    line: str = ""
    says: str = ""

    @property
    def pair(self) -> tuple[str, str]:
        """Both labels."""
        return self.better, self.worse

    @property
    def text(self) -> str:
        """What is claimed."""
        pair = f"“{self.better}” against “{self.worse}”"
        return f"{self.says}: {pair}" if self.says else pair

    def measure(self, study: "Study") -> Measure:
        """What is compared."""
        return self.by or study.measure

    def compared(self, answers: "StudyResults") -> Difference | None:
        """The paired difference over seeds, above 0 where the claim is right; None for less than two.

        Where all runs of one setting diverged, the other is better without measure; where all of both did, neither.
        """
        lost = [answers.all_diverged(label) for label in self.pair]
        if any(lost):
            return Difference(0.0 if all(lost) else -math.inf if lost[0] else math.inf, 0.0, len(answers.study.seeds))
        better, worse = (answers.values(label, self.by) for label in self.pair)
        return paired(better, worse) if self.measure(answers.study).higher else paired(worse, better)


def claims_by(better: str, worse: str, line: str, *by: Measure | None) -> list[Claim]:
    """That one setting is better than another, by several figures; None is the study's measure."""
    return [Claim(better, worse, by=measure, line=line) for measure in by]


@attrs.frozen(eq=False)
class Statement:
    """What else a report says: a figure of every seed that is above 0 where it is right.

    Args:
        says: what the report says.
        line: where.
        by: the figure in words, which say what 0 is.
        margin: from answers to the figure of every seed.
        scale, digits: how it is printed, see `Measure`.
        ours: whether we ask it and not the report.
    """

    says: str
    line: str
    by: str
    margin: "Callable[[StudyResults], Mapping[int, float]]"
    scale: float = 1.0
    digits: int = 2
    ours: bool = False

    @property
    def text(self) -> str:
        """What is claimed."""
        return self.says

    def measure(self, study: "Study") -> Measure:
        """What is looked at: always more than 0 where the statement is right."""
        return Measure(self.by, final(""), self.scale, self.digits)

    def compared(self, answers: "StudyResults") -> Difference | None:
        """The figure over seeds; None for less than two."""
        return interval(list(self.margin(answers).values()))


def of_run(label: str, read: Callable[[Run], float | None]) -> "Callable[[StudyResults], Mapping[int, float]]":
    """A margin that is a figure of one setting alone."""

    def margin(answers: "StudyResults") -> dict[int, float]:
        found = {seed: read(run) for seed, run in sorted(answers.runs[label].items()) if not run.diverged}
        return {seed: value for seed, value in found.items() if value is not None}

    return margin


def of_differences(
    *weighted: tuple[float, str], by: Measure | None = None, most: float | None = None
) -> "Callable[[StudyResults], Mapping[int, float]]":
    """A margin that is a weighted sum over settings: a gain less another gain; with `most`, how far it is below that.

    Args:
        weighted: factor and label.
        by: the figure; by default the study's measure.
        most: what the size of the sum has to stay below, for a claim that nothing much happens.
    """

    def margin(answers: "StudyResults") -> dict[int, float]:
        values = [(factor, answers.values(label, by)) for factor, label in weighted]
        common = sorted(set.intersection(*(set(found) for _, found in values)))
        sums = {seed: sum(factor * found[seed] for factor, found in values) for seed in common}
        return sums if most is None else {seed: most - abs(value) for seed, value in sums.items()}

    return margin


@attrs.frozen(eq=False)
class Follow:
    """That a study's settings are made from the best one of another study, its search, once that is finished.

    Args:
        search: name of the other study.
        settings: from its best setting to those that are run.
    """

    search: str
    settings: Callable[[Setting], Sequence[Setting]]


@attrs.frozen(eq=False)
class Study:
    """A question and how it is answered.

    Args:
        name: as on the command line.
        report: "R1" to "R5", or "best" for the attempts to do better.
        asks: the question in a line.
        task: what trains.
        settings: what is compared.
        measure: by which figure.
        claims: differences, and what else is said of the curves, looked at seed by seed.
        data: names of data sets in `experiments.reports.sources`.
        seeds: of every setting; the same for all, so random numbers are common.
        columns: further figures for the table.
        figures: file name without ending -> picture (PNG) of the answers.
        remarks: sentences made from the answers.
        notes: what a reader has to know, such as where the report is silent.
        cost: estimate of the seconds one run takes on one core.
        quick: the config of a run that takes a moment, for tests.
        alone: whether its runs are timed, so that no other may run beside them.
        follows: where its settings come from, if it has none of its own; see `settled`.
    """

    name: str
    report: str
    asks: str
    task: Task
    settings: Sequence[Setting]
    measure: Measure = TEST_ACCURACY
    claims: Sequence[Claim | Statement] = ()
    data: Sequence[str] = ()
    seeds: Sequence[int] = range(5)
    columns: Sequence[Measure] = ()
    figures: Mapping[str, "Callable[[StudyResults], bytes]"] = attrs.field(factory=dict)
    remarks: "Callable[[StudyResults], Sequence[str]]" = lambda answers: ()
    notes: str = ""
    cost: Callable[[Any], float] = lambda config: 1.0
    quick: Callable[[Any], Any] = lambda config: config
    alone: bool = False
    follows: Follow | None = None

    def __attrs_post_init__(self) -> None:
        labels = [setting.label for setting in self.settings]
        if len(set(labels)) < len(labels):
            raise ConfigError(expected(f"{self.name}: settings", "labels that differ", labels))
        for setting in self.settings:
            if setting.instead and setting.instead not in labels:
                raise ConfigError(
                    expected(f"{self.name}: instead", " or ".join(map(repr, labels)), repr(setting.instead))
                )
        for claim in self.claims:
            for label in claim.pair if isinstance(claim, Claim) else ():
                if label not in labels:
                    raise ConfigError(expected(f"{self.name}: claim", " or ".join(map(repr, labels)), repr(label)))

    def settled(self, search: "StudyResults") -> "Study":
        """The study with the settings that follow from its search; with none while runs of that are missing."""
        best = search.best()
        if self.follows is None or best is None:
            return self
        return attrs.evolve(self, settings=self.follows.settings(best))


@attrs.frozen(eq=False)
class StudyResults:
    """The finished runs of a study: label -> seed -> run."""

    study: Study
    runs: Mapping[str, Mapping[int, Run]]

    def setting(self, label: str) -> Setting:
        """The setting of that label."""
        return next(setting for setting in self.study.settings if setting.label == label)

    def values(self, label: str, measure: Measure | None = None) -> dict[int, float]:
        """The figure of every seed that has one; by default the study's measure as this setting reads it.

        A figure that all seeds have together stands under the first, once all are finished.
        """
        setting = self.setting(label)
        runs = dict(sorted(self.runs[label].items()))
        if measure is None and setting.together:
            whole = len(runs) == len(list(self.study.seeds))
            found = {seed: setting.together(list(runs.values())) for seed in list(runs)[:whole]}
        else:
            read = measure.read if measure else setting.read or self.study.measure.read
            found = {seed: read(run) for seed, run in runs.items()}
        return {seed: value for seed, value in found.items() if value is not None}

    def diverged(self, label: str) -> int:
        """How many seeds of a setting have no figure, because training diverged."""
        return sum(run.diverged for run in self.runs[label].values())

    def all_diverged(self, label: str) -> bool:
        """Whether every seed of a setting is finished and has no figure, because training diverged."""
        return self.diverged(label) == len(self.study.seeds)

    def best(self) -> Setting | None:
        """The setting with the best mean, the first of equals; None unless all have finished the same seeds."""
        seeds = [set(runs) for runs in self.runs.values()]
        if not (seeds and seeds[0] and all(own == seeds[0] for own in seeds)):
            return None
        sign = 1 if self.study.measure.higher else -1
        return max(self.study.settings, key=lambda setting: sign * fmean(self.values(setting.label).values()))

    @property
    def empty(self) -> bool:
        """Whether no run is finished."""
        return not any(self.runs.values())

    @property
    def whole(self) -> bool:
        """Whether every seed of every setting is finished, and there is a setting."""
        seeds = len(list(self.study.seeds))
        return bool(self.runs) and all(len(runs) == seeds for runs in self.runs.values())


def listed(name: str, **fields: Any) -> Study:
    """The study of that name in the registry, which knows its report and its question."""
    word, _, _ = name.partition("-")
    return Study(name, REPORTS[word], STUDIES[name], **fields)


@cache
def studies() -> dict[str, Study]:
    """Every study by name, in the order of the registry."""
    modules = [importlib.import_module(f"experiments.reports.{word}.studies") for word in REPORTS]
    found = {study.name: study for module in modules for study in module.STUDIES}
    return {name: found[name] for name in STUDIES}


def get(name: str) -> Study:
    """The study of that name.

    Raises:
        ConfigError: there is none; the message suggests one.
    """
    if name not in STUDIES:
        close = difflib.get_close_matches(name, STUDIES, n=1)
        fix = f"did you mean {close[0]}?" if close else "see `python -m experiments list`"
        raise ConfigError(expected("study", "the name of one", repr(name), fix))
    return studies()[name]


def list_studies() -> list[tuple[str, str]]:
    """Name and question of every study, with the report it comes from."""
    return [(name, f"{asks} ({REPORTS[name.partition('-')[0]]})") for name, asks in STUDIES.items()]


def run_id(task: Task, config: Any, seed: int, bundled: bool) -> str:
    """What a run is called: the task, the seed and a digest of everything it depends on but the code.

    Options at their defaults are left out: one more option, off by default, gives no run another name.

    Args:
        task: of the study.
        config: of the setting.
        seed: of the run.
        bundled: whether it runs on the bundled digits in place of the real data.
    """
    depends = {"task": task_name(task), "config": told(config), "bundled": bundled}
    digest = blake2b(json.dumps(depends, sort_keys=True).encode(), digest_size=8).hexdigest()
    return f"{task_name(task).rpartition('.')[2].replace(':', '-')}-{digest}-seed{seed}"


def told(config: Any) -> dict[str, Any]:
    """What a setting says: its options, but for those at their defaults."""
    values, usual = attrs.asdict(config), defaults(type(config))
    return {name: values[name] for name in values if name not in usual or values[name] != usual[name]}


def defaults(kind: type) -> dict[str, Any]:
    """The options of settings that have a default, with it."""
    return {field.name: field.default for field in attrs.fields(kind) if field.default is not attrs.NOTHING}


def task_name(task: Task) -> str:
    """Module and name of a task."""
    return f"{task.__module__}:{task.__name__}"
