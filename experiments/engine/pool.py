"""Runs in parallel processes: each worker has its own threads and takes one run after the other.

A run that raises, or a process that dies, costs that run alone: the process is replaced and the others go on.
"""

import json
import multiprocessing
import os
import signal
import time
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple, TypeAlias

import attrs

from experiments.engine import store
from experiments.engine.study import OnProgress, Result, Task, task_name
from fnnet.runs import facts
from fnnet.runs.threads import limited
from fnnet.runtime import keep_memory

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class Job(NamedTuple):
    """A run to be made: what a worker needs to know.

    Args:
        task: what trains.
        config: the setting.
        seed: of everything random.
        data: data directory.
        needs: names of the data sets that have to be in it.
    """

    task: Task
    config: Any
    seed: int
    data: str | None
    needs: tuple[str, ...] = ()


class Advanced(NamedTuple):
    """So much (a fraction) of job number `job` is done."""

    job: int
    part: float


class Done(NamedTuple):
    """Job number `job` is finished, after so many seconds, by this code and with these facts of its process."""

    job: int
    result: Result
    seconds: float
    code: str
    facts: dict[str, Any]


class Failed(NamedTuple):
    """Job number `job` has failed: the reason in a line, and all that Python says of it."""

    job: int
    reason: str
    details: str


Event: TypeAlias = Advanced | Done | Failed


@attrs.define(eq=False)
class _Worker:
    process: Any
    connection: Connection
    job: int | None = None


def perform(jobs: Sequence[Job], workers: int, threads: int = 1) -> Iterator[Event]:
    """Make all runs, in as many processes, and tell what happens.

    Leaving the iterator early ends all processes.

    Args:
        jobs: taken in this order.
        workers: processes at once.
        threads: of the matrix products in each.
    """
    waiting = deque(range(len(jobs)))
    team: list[_Worker] = []
    try:
        with _environment(threads):
            team += [_hire(threads) for _ in range(min(workers, len(jobs)))]
        for worker in team:
            _hand(worker, waiting, jobs)
        while any(worker.job is not None for worker in team):
            busy = {worker.connection: worker for worker in team if worker.job is not None}
            for connection in wait(list(busy)):
                worker = busy[connection]  # type: ignore[index]
                yield (event := _hear(worker))
                if isinstance(event, Advanced):
                    continue
                worker.job = None
                if isinstance(event, Failed) and not worker.process.is_alive():
                    team.remove(worker)
                    if waiting:
                        with _environment(threads):
                            team.append(worker := _hire(threads))
                if waiting:
                    _hand(worker, waiting, jobs)
    finally:
        for worker in team:
            _dismiss(worker)


def _hire(threads: int) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, threads), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _hand(worker: _Worker, waiting: deque[int], jobs: Sequence[Job]) -> None:
    worker.job = waiting.popleft()
    worker.connection.send((worker.job, jobs[worker.job]))


def _hear(worker: _Worker) -> Event:
    assert worker.job is not None
    try:
        event: Event = worker.connection.recv()
    except (EOFError, OSError):
        worker.process.join()
        code = worker.process.exitcode
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        more = " (out of memory?)" if code == -signal.SIGKILL else ""
        return Failed(worker.job, f"its process {how}{more}", "")
    return event


def _dismiss(worker: _Worker) -> None:
    worker.process.terminate()
    worker.process.join()
    worker.connection.close()


@contextmanager
def _environment(threads: int) -> Iterator[None]:
    """Processes started within begin with so many threads."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _work(connection: Connection, threads: int) -> None:
    """What a worker does until it is ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent decides
    keep_memory()
    with limited(threads):
        while True:
            try:
                number, job = connection.recv()
                connection.send(_made(connection, number, job))
            except (EOFError, ConnectionError):  # the parent has gone; `tell` notices it in the middle of a run
                return


def _made(connection: Connection, number: int, job: Job) -> Event:
    return made(number, job, at_times(lambda part: connection.send(Advanced(number, part))))


def at_times(tell: OnProgress) -> OnProgress:
    """The same, told every half a second at most."""
    last = time.perf_counter()

    def sometimes(part: float) -> None:
        nonlocal last
        if time.perf_counter() - last > 0.5:
            last = time.perf_counter()
            tell(part)

    return sometimes


def made(number: int, job: Job, tell: OnProgress) -> Done | Failed:
    """Make a run here."""
    code, start = store.watched_code(task_name(job.task)), time.perf_counter()
    try:
        result = job.task(job.config, job.seed, job.data, tell)
        json.dumps(result, allow_nan=False)  # what no file can hold is this run's own fault
    except Exception as error:
        return Failed(number, f"{type(error).__name__}: {error}", traceback.format_exc())
    return Done(number, result, time.perf_counter() - start, code(), facts.environment())
