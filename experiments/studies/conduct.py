"""Conduct studies: find the runs that are missing, make them in parallel, keep each as it ends."""

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from experiments import cli, facts
from experiments.datasets import BUNDLED
from experiments.studies import pool, sources, store
from experiments.studies.board import board, duration
from experiments.study import Study, get, run_id, studies
from fnnet.errors import MissingDataError, whole

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
    workers = max(1, facts.cores() // threads) if jobs is None else whole("jobs", jobs, 1)
    with store.locked(out):
        wanted, without = _with_data(chosen, data)
        todo, there = plan(wanted, out, data, quick=quick, seeds=seeds, refresh=refresh)
        for study, reason in without:
            print(f"{study.name}: skipped, {reason}", file=sys.stderr, flush=True)
        expected_time = duration(sum(run.cost for run in todo) / workers)
        print(f"{len(todo)} runs to make, {there} there already; {workers} at once, about {expected_time}", flush=True)
        start, made = time.monotonic(), 0
        failed: list[str] = []
        try:
            for fault in _make(todo, out, workers, threads):
                made += fault is None
                failed += [] if fault is None else [fault]
        finally:
            seconds = time.monotonic() - start
            if todo:
                session = {"studies": len(chosen), "runs": made, "failed": failed, "jobs": workers, "threads": threads}
                store.log(out, {**session, "seconds": seconds, "quick": quick, "code": store.code_digest()})
    for line in failed:
        print(f"failed: {line}", file=sys.stderr)
    print(f"{made} runs made in {duration(seconds)}, {len(failed)} failed, {len(without)} studies without data")
    if made or there:
        print(f"now: {_report(out, data, quick)}")
    return 1 if failed or without else 0


def _report(out: Path, data: str | None, quick: bool) -> str:
    """The command that makes a report of the runs in a folder."""
    words: list[object] = ["--among", out] if out != OUT else []
    return cli.command("report", *words, *(["--data", BUNDLED] if data == BUNDLED else []), *["--quick"] * quick)


def _make(todo: Sequence[Planned], out: Path, workers: int, threads: int) -> Iterator[str | None]:
    """Make runs and write their files; for each that is over, None or why it failed."""
    with board([run.cost for run in todo], workers) as telling:
        for event in pool.perform([run.job for run in todo], workers, threads):
            run = todo[event.job]
            name = f"{run.study.name} · {run.label} · seed {run.job.seed}"
            if isinstance(event, pool.Advanced):
                telling.advance(event.job, event.part)
            elif isinstance(event, pool.Done):
                store.write(out, run.identifier, run.job.config, run.job.seed, event.result, event.seconds)
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
) -> tuple[list[Planned], int]:
    """The runs that are missing, each once, and how many are there."""
    todo: dict[str, Planned] = {}
    there = set()
    for study in chosen:
        for setting in study.settings:
            config = study.quick(setting.config) if quick else setting.config
            for seed in list(study.seeds)[: 1 if quick and seeds is None else seeds]:
                identifier = run_id(study.task, config, seed, data == BUNDLED)
                found = store.read(out, identifier)
                if found is not None and not (refresh and found.code != store.code_digest()):
                    there.add(identifier)
                elif identifier not in todo:
                    job = pool.Job(study.task, config, seed, data)
                    cost = 0.3 if quick else study.cost(setting.config)
                    todo[identifier] = Planned(identifier, job, study, setting.label, cost)
    return list(todo.values()), len(there)


def _with_data(chosen: Sequence[Study], data: str | None) -> tuple[list[Study], list[tuple[Study, str]]]:
    """Studies whose data are there, and the others with what is missing and how to get it."""
    missing: dict[str, str] = {}
    for name in dict.fromkeys(name for study in chosen for name in study.data):
        try:
            sources.load(name, data)
        except MissingDataError as error:
            missing[name] = str(error)
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
