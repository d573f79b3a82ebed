"""Conduct studies: find the runs that are missing, make them in parallel, keep each as it ends."""

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from experiments.engine import pool, store
from experiments.engine.board import Board
from experiments.engine.study import Study, get, run_id, studies
from experiments.reports import sources
from fnnet.arguments import whole
from fnnet.errors import MissingDataError
from fnnet.runs import cli, facts
from fnnet.runs.datasets import BUNDLED
from fnnet.runs.display import display
from fnnet.words import duration

OUT = Path("runs/studies")


@attrs.frozen(eq=False)
class Planned:
    """A run to be made.

    Args:
        identifier: its name.
        job: what the worker needs.
        study: the first study that asks for it.
        label: of the first setting that does.
        cost: expected seconds.
    """

    identifier: str
    job: pool.Job
    study: Study
    label: str
    cost: float


def run_study(name: str, out: Path = OUT, **options: object) -> int:
    """One study: see `run_studies`.

    Raises:
        ConfigError: there is no study of that name.
    """
    return run_studies([get(name)], out, **options)  # type: ignore[arg-type]


def run_all(out: Path = OUT, **options: object) -> int:
    """All studies: see `run_studies`."""
    return run_studies(list(studies().values()), out, **options)  # type: ignore[arg-type]


def run_studies(
    chosen: Sequence[Study],
    out: Path = OUT,
    *,
    data: str | None = None,
    jobs: int | None = None,
    threads: int = 1,
    quick: bool = False,
    seeds: int | None = None,
    refresh: bool = False,
) -> int:
    """Make the runs of studies that are not in `out` yet; return 0 if all were made, 1 if some failed or had no data.

    Args:
        chosen: the studies.
        out: folder of the run files.
        data: data directory; None for FNNET_DATA; "bundled" for the digits that ship with scikit-learn.
        jobs: processes at once; by default one for each core (shared between `threads`).
        threads: of the matrix products in each.
        quick: the short version of every run, on reduced data and one seed: tests the studies, answers nothing.
        seeds: only the first so many of each study.
        refresh: make runs again that other code made.

    Raises:
        ConfigError: an option is out of its range, or another process works in `out`.
        OSError: a run could not be written; finished runs are as they were.
    """
    threads = whole("threads", threads, 1)
    seeds = None if seeds is None else whole("seeds", seeds, 1)
    workers = max(1, facts.cores() // threads) if jobs is None else whole("jobs", jobs, 1)
    with store.locked(out):
        wanted, without = _with_data(with_searches(chosen), data)
        stages = in_stages(wanted)

        def planned(stage: Sequence[Study], guess: bool) -> tuple[list[Planned], dict[str, bool]]:
            settled = [_settled(study, out, data, quick, guess) for study in stage]
            return plan(settled, out, data, quick=quick, seeds=seeds, refresh=refresh)

        first = [planned(stage, guess=True) for stage in stages]
        todo = list({run.identifier: run for runs, _ in reversed(first) for run in runs}.values())
        there = {name: stands for _, found in first for name, stands in found.items()}
        for study, reason in without:
            print(f"{study.name}: skipped, {reason}", file=sys.stderr, flush=True)
        expected_time = duration(sum(_costs(todo, workers)) / workers)
        print(f"{len(todo)} runs to make, {len(there)} there already; {workers} at once, about {expected_time}")
        if old := sum(not stands for stands in there.values()):
            print(f"{old} of those there were made by other code; --refresh makes them again")
        sys.stdout.flush()
        start, made = time.monotonic(), 0
        failed: list[str] = []
        try:
            with display() as shown:
                telling = Board(workers, shown)
                for stage in stages:
                    runs, _ = planned(stage, guess=False)
                    todo = [run for run in todo if run.study.name not in {study.name for study in stage}]
                    telling.begin(_costs(runs, workers), _costs(todo, workers))
                    for fault in _make(runs, out, 1 if stage[0].alone else workers, threads, telling):
                        made += fault is None
                        failed += [] if fault is None else [fault]
                    failed += [
                        f"{study.name}: {study.follows.search}, which it follows, has runs that failed"
                        for study in stage
                        if study.follows and not _settled(study, out, data, quick, guess=False).settings
                    ]
        finally:
            seconds = time.monotonic() - start
            if made or failed:
                session = {"studies": len(chosen), "runs": made, "failed": failed, "jobs": workers, "threads": threads}
                store.log(out, {**session, "seconds": seconds, "quick": quick})
    for line in failed:
        print(f"failed: {line}", file=sys.stderr)
    print(f"{made} runs made in {duration(seconds)}, {len(failed)} failed, {len(without)} studies without data")
    if made or there:
        print(f"now: {_report(out, data, quick)}")
    return 1 if failed or without else 0


def with_searches(chosen: Sequence[Study]) -> list[Study]:
    """Studies, each once, with the searches that some of them follow."""
    searches = [get(study.follows.search) for study in chosen if study.follows]
    return list({study.name: study for study in (*searches, *chosen)}.values())


def in_stages(chosen: Sequence[Study]) -> list[list[Study]]:
    """What is made one after the other: timed studies, searches, all others, which may follow from them."""
    searches = {study.follows.search for study in chosen if study.follows}
    timed = [study for study in chosen if study.alone]
    first = [study for study in chosen if study.name in searches and not study.alone]
    rest = [study for study in chosen if study not in timed and study not in first]
    return [stage for stage in (timed, first, rest) if stage]


def _settled(study: Study, out: Path, data: str | None, quick: bool, guess: bool) -> Study:
    """A study with the setting that its search has found; a guess takes the one that lasts longest until then."""
    if study.follows is None:
        return study
    follows, settled = study.follows, store.results_of(study, out, quick, data == BUNDLED).study
    if settled.settings or not guess:
        return settled
    possible = map(follows.setting, get(follows.search).settings)
    return attrs.evolve(study, settings=(max(possible, key=lambda setting: study.cost(setting.config)),))


def _costs(todo: Sequence[Planned], workers: int) -> list[float]:
    """What runs cost: a timed one keeps all workers from others."""
    return [run.cost * (workers if run.study.alone else 1) for run in todo]


def _report(out: Path, data: str | None, quick: bool) -> str:
    """The command that makes a report of the runs in a folder."""
    words: list[object] = ["--among", out] if out != OUT else []
    return cli.command(
        "report", *words, *(["--data", BUNDLED] if data == BUNDLED else []), *["--quick"] * quick, package="experiments"
    )


def _make(todo: Sequence[Planned], out: Path, workers: int, threads: int, telling: Board) -> Iterator[str | None]:
    """Make runs and write their files; for each that is over, None or why it failed."""
    for event in pool.perform([run.job for run in todo], workers, threads):
        run = todo[event.job]
        name = f"{run.study.name} · {run.label} · seed {run.job.seed}"
        if isinstance(event, pool.Advanced):
            telling.advance(event.job, event.part)
        elif isinstance(event, pool.Done):
            about = (event.result, event.seconds, event.code, event.facts)
            store.write(out, run.identifier, run.job.config, run.job.seed, *about)
            telling.finish(event.job, f"{name}: {_figures(event.result.final)} ({duration(event.seconds)})")
            yield None
        else:
            telling.finish(event.job, f"{name}: FAILED, {event.reason}\n{event.details}".rstrip())
            yield f"{name}: {event.reason}"


def plan(
    chosen: Sequence[Study],
    out: Path,
    data: str | None = None,
    *,
    quick: bool = False,
    seeds: int | None = None,
    refresh: bool = False,
) -> tuple[list[Planned], dict[str, bool]]:
    """The runs that are missing, each once, those that last longest first; and those that are there.

    Of those that are there, by name, whether the code as it stands made them.
    """
    todo: dict[str, Planned] = {}
    there: dict[str, bool] = {}
    for study in chosen:
        for setting in study.settings:
            config = study.quick(setting.config) if quick else setting.config
            for seed in list(study.seeds)[: 1 if quick and seeds is None else seeds]:
                identifier = run_id(study.task, config, seed, data == BUNDLED)
                found = store.read(out, identifier, config)
                stands = found is not None and store.stands(study.task, found)
                if found is not None and (stands or not refresh):
                    there[identifier] = stands
                elif identifier not in todo:
                    job = pool.Job(study.task, config, seed, data)
                    cost = 0.3 if quick else study.cost(setting.config)
                    todo[identifier] = Planned(identifier, job, study, setting.label, cost)
    return sorted(todo.values(), key=lambda run: -run.cost), there


def _with_data(chosen: Sequence[Study], data: str | None) -> tuple[list[Study], list[tuple[Study, str]]]:
    """Studies whose data are there, and the others with what is missing and how to get it."""
    missing: dict[str, str] = {}
    for name in dict.fromkeys(name for study in chosen for name in study.data):
        try:
            sources.load(name, data)
        except MissingDataError as error:
            missing[name] = f"{error}; here --data DIR names it"
    wanted, without = [], []
    for study in chosen:
        reasons = [missing[name] for name in study.data if name in missing]
        if reasons:
            without.append((study, "; ".join(reasons)))
        else:
            wanted.append(study)
    return wanted, without


def _figures(final: dict[str, object]) -> str:
    """The first few figures of a run in a line."""
    numbers = [(name, value) for name, value in final.items() if isinstance(value, int | float)]
    return ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in numbers[:3]) or "done"
