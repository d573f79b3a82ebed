"""Runs by the workers of any `concurrent.futures.Executor`: processes, a Dask cluster, the processes of an MPI job.

Every worker is probed before its first run: it has to have the code, the versions and the data that this process has,
or else the figures of one study would not be of one kind. What a worker makes it sends back; only this process writes.
"""

import platform
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from functools import cache
from typing import Any, NamedTuple

from experiments.engine import pool
from experiments.engine.pool import Advanced, Done, Event, Failed, Job
from experiments.reports import sources
from fnnet.errors import ConfigError, MissingDataError, expected
from fnnet.runs import facts
from fnnet.runs.threads import limited
from fnnet.runtime import keep_memory

PROBED = {
    "code": "give it this clone",
    "python": "give it this Python",
    "numpy": "give it this NumPy",
    "blas": "give it this NumPy",
}


MOMENT = 0.5  # seconds, between two looks at what workers tell
SECONDS = 30.0  # after which a cluster without a worker is given up


class Wire(NamedTuple):
    """How workers tell how far they are.

    Args:
        tell: (number of the run, part of it that is done), called in a worker.
        heard: what has come since it was last asked, called here.
    """

    tell: Callable[[int, float], None]
    heard: Callable[[], Sequence[tuple[int, float]]]


class Misfit(NamedTuple):
    """Why a worker is not taken."""

    host: str
    wanted: str
    got: str
    fix: str


def probe() -> dict[str, Any]:
    """What has to be the same for all that make runs of one study."""
    found = facts.environment()
    return {fact: found[fact] for fact in PROBED}


def perform(
    hire: Callable[[], Executor],
    jobs: Sequence[Job],
    workers: int,
    threads: int = 1,
    there: Callable[[], int] | None = None,
    wire: Wire | None = None,
) -> Iterator[Event]:
    """Make all runs, so many at once, and tell which are over, and by a wire how far others are.

    A worker that is lost costs the runs under way. An executor that breaks with it, as one of processes does, is hired
    anew.

    Args:
        hire: gives an executor, which is shut down in the end.
        jobs: taken in this order.
        workers: runs at once.
        threads: of the matrix products in each.
        there: in place of `workers`, how many runs can be made at once by now, where workers come and go.
        wire: by which workers tell how far they are.

    Raises:
        ConfigError: a worker has other code, versions or data; or the executor takes nothing any more.
    """
    wanted, waiting = probe(), deque(range(len(jobs)))
    running: dict[Future[Any], int] = {}
    executor, tell, seen = hire(), None if wire is None else wire.tell, time.monotonic()
    try:
        while waiting or running:
            most = workers if there is None else _counted(there)
            while waiting and len(running) < max(1, most):
                number = waiting.popleft()
                running[_submitted(executor, number, jobs[number], threads, wanted, tell)] = number
            events, broken = _over(running)
            if events or most:
                seen = time.monotonic()
            elif time.monotonic() - seen > SECONDS:
                raise _gone("none left")
            if wire is not None:
                under_way = set(running.values())
                yield from [Advanced(number, part) for number, part in wire.heard() if number in under_way]
            yield from events
            if broken:
                yield from [_heard(future, number) for future, number in running.items()]
                running.clear()
                executor.shutdown(wait=False)
                executor = hire()
    finally:
        for future in running:
            future.cancel()
        executor.shutdown(wait=False)


def _over(running: "dict[Future[Any], int]") -> tuple[list[Event], bool]:
    """What runs that are over by now, or in a moment, have come to, and whether the executor is broken.

    Nothing keeps their futures: as long as somebody does, Dask makes a run again whose result is lost with a worker.
    """
    over, _ = wait(running, MOMENT, FIRST_COMPLETED)
    broken = any(isinstance(_fault(future), BrokenExecutor) for future in over)
    return [_heard(future, running.pop(future)) for future in over], broken


def _submitted(
    executor: Executor,
    number: int,
    job: Job,
    threads: int,
    wanted: dict[str, Any],
    tell: Callable[[int, float], None] | None,
) -> "Future[Any]":
    try:
        return executor.submit(made, number, job, threads, wanted, tell)
    except BrokenExecutor as error:  # between two runs: as if this one had been under way
        failed: Future[Any] = Future()
        failed.set_exception(error)
        return failed
    except RuntimeError as error:
        raise _gone(f"{type(error).__name__}: {error}") from error


def _counted(there: Callable[[], int]) -> int:
    try:
        return there()
    except OSError as error:
        raise _gone(f"{type(error).__name__}: {error}") from error


def _gone(got: str) -> ConfigError:
    fix = "what is finished is kept: start its workers again, and this command"
    return ConfigError(expected("workers", "ones that take runs", got, fix))


def without_code(error: Exception) -> ConfigError:
    """What is said of a worker that knows nothing of what it was asked."""
    return ConfigError(expected("a worker", "this code", f"{type(error).__name__}: {error}", "give it this clone"))


def _fault(future: "Future[Any]") -> BaseException | None:
    """What became of a run instead of an answer: its worker is lost."""
    try:
        return future.exception()
    except CancelledError as error:
        return error


def _heard(future: "Future[Any]", number: int) -> Event:
    fault = _fault(future)
    if isinstance(fault, ImportError | AttributeError):  # it knows nothing of what it was asked
        raise without_code(fault) from fault
    if fault is not None:
        return Failed(number, f"its worker was lost: {type(fault).__name__}: {fault}".rstrip(": "), "")
    found: Done | Failed | Misfit = future.result()
    if isinstance(found, Misfit):
        raise ConfigError(expected(f"worker {found.host}", found.wanted, found.got, found.fix))
    return found


def made(
    number: int, job: Job, threads: int, wanted: dict[str, Any], tell: Callable[[int, float], None] | None = None
) -> Done | Failed | Misfit:
    """What a worker does: look at itself, once, and make a run."""
    misfit = _looked_at(tuple(wanted.items()), job.needs, job.data)
    if misfit is not None:
        return misfit
    keep_memory()
    with limited(threads):
        return pool.made(number, job, pool.at_times(lambda part: None if tell is None else tell(number, part)))


@cache
def _looked_at(wanted: tuple[tuple[str, Any], ...], needs: tuple[str, ...], data: str | None) -> Misfit | None:
    """What this process lacks."""
    own, host = probe(), platform.node()
    for fact, value in wanted:
        if own[fact] != value:
            return Misfit(host, f"{fact} {value}", str(own[fact]), PROBED[fact])
    for name in needs:
        try:
            sources.load(name, data)
        except MissingDataError as error:
            return Misfit(host, f"the data {name}", "none", str(error))
    return None
