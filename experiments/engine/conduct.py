"""Conduct studies: find the runs that are missing, make them in parallel, keep each as it ends."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import attrs

from experiments.engine import engines, parts, pool, store
from experiments.engine.board import Board
from experiments.engine.engines import Site
from experiments.engine.parts import Part
from experiments.engine.study import Study, get, run_id, studies
from experiments.reports import sources
from fnnet.arguments import whole
from fnnet.errors import ConfigError, MissingDataError, expected
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
    part: Part | None = None,
    on: str = "local",
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
        part: of the runs, those of this part; other commands make the others, see `experiments.engine.parts`.
        on: where runs are made, see `experiments.engine.engines`; those that are timed, always here.

    Raises:
        ConfigError: an option is out of its range, or another process works in `out`; or a part is asked for of
            studies that follow searches which are not finished.
        OSError: a run could not be written; finished runs are as they were.
    """
    threads = whole("threads", threads, 1)
    seeds = None if seeds is None else whole("seeds", seeds, 1)
    workers = max(1, facts.cores() // threads) if jobs is None else whole("jobs", jobs, 1)
    with ExitStack() as held:
        site = held.enter_context(engines.opened(on, workers, threads))
        if site is None:
            return 0  # a worker, whose work is done
        workers = site.workers
        held.enter_context(parts.locked(out, part))
        known, waiting = _dealable(with_searches(chosen), chosen, out, data, quick, seeds, part)
        wanted, without = with_data(known, data)
        without += waiting
        stages = in_stages(wanted)
        numbers = {} if part is None else _numbers(known, out, data, quick, seeds, part)

        def planned(stage: Sequence[Study], guess: bool) -> tuple[list[Planned], dict[str, bool]]:
            settled = [_settled(study, out, data, quick, guess) for study in stage]
            todo, there = plan(settled, out, data, quick=quick, seeds=seeds, refresh=refresh)
            if part is None:
                return todo, there
            own = {name for name, number in numbers.items() if number == part.number}
            return [run for run in todo if run.identifier in own], {name: there[name] for name in there if name in own}

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
                    made_by = Site(partial(pool.perform, threads=threads), 1) if stage[0].alone else site
                    for fault in _make(runs, out, made_by, telling):
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
                parts.log(out, part, {**session, "seconds": seconds, "quick": quick})
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


def _dealable(
    wanted: Sequence[Study],
    chosen: Sequence[Study],
    out: Path,
    data: str | None,
    quick: bool,
    seeds: int | None,
    part: Part | None,
) -> tuple[list[Study], list[tuple[Study, str]]]:
    """Studies whose plan is known, and the others with what is missing: parts of a plan need all of it.

    Raises:
        ConfigError: of those that were chosen nothing can be dealt out.
    """
    if part is None:
        return list(wanted), []

    def finished(search: Study) -> bool:
        asked = _asked([search], data, quick, seeds)
        return all(store.read(out, run.identifier, run.job.config) is not None for run in asked)

    waiting = [
        (study, f"--part {part} of it has to wait until {study.follows.search}, which it follows, is finished")
        for study in wanted
        if study.follows and not finished(get(study.follows.search))
    ]
    names = {study.name for study, _ in waiting}
    if waiting and names >= {study.name for study in chosen}:
        searches = ", ".join(sorted({study.follows.search for study, _ in waiting if study.follows}))
        fix = "run its runs first, in parts or not"
        raise ConfigError(
            expected(f"--part {part}", "studies that follow finished searches", f"{searches} unfinished", fix)
        )
    return [study for study in wanted if study.name not in names], waiting


def _numbers(
    wanted: Sequence[Study], out: Path, data: str | None, quick: bool, seeds: int | None, part: Part
) -> dict[str, int]:
    """Run -> number of its part. Studies that follow others are dealt for themselves, since they come later."""
    numbers: dict[str, int] = {}
    for follow in (False, True):
        settled = [_settled(study, out, data, quick, guess=False) for study in wanted if bool(study.follows) == follow]
        asked = {run.identifier: run for run in _asked(settled, data, quick, seeds) if run.identifier not in numbers}
        timed = {name: run.study.name for name, run in asked.items() if run.study.alone}
        numbers |= parts.dealt({name: run.cost for name, run in asked.items()}, timed, part.of)
    return numbers


def _settled(study: Study, out: Path, data: str | None, quick: bool, guess: bool) -> Study:
    """A study with the settings that its search has found; a guess takes those that last longest until then."""
    if study.follows is None:
        return study
    follows, settled = study.follows, store.results_of(study, out, quick, data == BUNDLED).study
    if settled.settings or not guess:
        return settled
    possible = map(follows.settings, get(follows.search).settings)
    longest = max(possible, key=lambda settings: sum(study.cost(setting.config) for setting in settings))
    return attrs.evolve(study, settings=longest)


def _costs(todo: Sequence[Planned], workers: int) -> list[float]:
    """What runs cost: a timed one keeps all workers from others."""
    return [run.cost * (workers if run.study.alone else 1) for run in todo]


def _report(out: Path, data: str | None, quick: bool) -> str:
    """The command that makes a report of the runs in a folder."""
    words: list[object] = ["--among", out] if out != OUT else []
    return cli.command(
        "report", *words, *(["--data", BUNDLED] if data == BUNDLED else []), *["--quick"] * quick, package="experiments"
    )


def _make(todo: Sequence[Planned], out: Path, site: Site, telling: Board) -> Iterator[str | None]:
    """Make runs and write their files; for each that is over, None or why it failed."""
    for event in site.engine([run.job for run in todo], site.workers):
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
    for run in _asked(chosen, data, quick, seeds):
        found = store.read(out, run.identifier, run.job.config)
        stands = found is not None and store.stands(run.job.task, found)
        if found is not None and (stands or not refresh):
            there[run.identifier] = stands
        else:
            todo.setdefault(run.identifier, run)
    return sorted(todo.values(), key=lambda run: -run.cost), there


def _asked(chosen: Sequence[Study], data: str | None, quick: bool, seeds: int | None) -> Iterator[Planned]:
    """All runs of studies, whether made or not; those that several ask for several times."""
    for study in chosen:
        for setting in study.settings:
            config = study.quick(setting.config) if quick else setting.config
            for seed in list(study.seeds)[: 1 if quick and seeds is None else seeds]:
                identifier = run_id(study.task, config, seed, data == BUNDLED)
                job = pool.Job(study.task, config, seed, data, tuple(study.data))
                cost = 0.3 if quick else study.cost(setting.config)
                yield Planned(identifier, job, study, setting.label, cost)


def with_data(chosen: Sequence[Study], data: str | None) -> tuple[list[Study], list[tuple[Study, str]]]:
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
