"""Where runs are made, as `--on` says: in processes here, or by workers that are elsewhere too."""

import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from experiments.engine import executors, pool
from experiments.engine.executors import Wire
from experiments.engine.pool import Event, Job
from fnnet.errors import ConfigError, expected

Engine: TypeAlias = Callable[[Sequence[Job], int], Iterator[Event]]  # runs, and how many at once
SECONDS = 30.0  # that a scheduler has to answer in, and the first of its workers to come
_TOLD = 17  # the tag of messages that tell how far a run is
WORDS = "local, dask, dask:ADDRESS or mpi"


class Site(NamedTuple):
    """An engine, and how many runs it makes at once."""

    engine: Engine
    workers: int


@contextmanager
def opened(on: str, workers: int, threads: int) -> Iterator[Site | None]:
    """What `--on` means, for a while; None in a process that was a worker of it and has nothing more to do.

    Args:
        on: "local": processes here. "dask": workers of a Dask cluster made here; "dask:ADDRESS": those of the one whose
            scheduler is there. "mpi": the other processes of this MPI job.
        workers: runs at once, where they are made here.
        threads: of the matrix products in each.

    Raises:
        ConfigError: the word means nothing, what it needs is not installed, or nobody answers.
    """
    if on == "local":
        yield Site(partial(pool.perform, threads=threads), workers)
    elif on == "dask" or on.startswith("dask:"):
        with _dask(on.partition(":")[2], workers, threads) as client:

            def there() -> int:
                return sum(client.nthreads().values())

            hire, wire = client.get_executor, _dask_wire(client)
            yield Site(partial(executors.perform, hire, threads=threads, there=there, wire=wire), there())
    elif on == "mpi":
        with _mpi() as executor:
            if executor is None:
                yield None
            else:
                lent = partial(executors.perform, lambda: _Lent(executor), threads=threads, wire=_mpi_wire())
                yield Site(lent, executor.num_workers)
    else:
        raise ConfigError(expected("--on", WORDS, repr(on)))


class _Lent(Executor):
    """An executor that is not shut down by those who have it for a while."""

    def __init__(self, owned: Executor):
        self.submit = owned.submit  # type: ignore[method-assign]


@contextmanager
def _dask(address: str, workers: int, threads: int) -> Iterator[Any]:
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise ConfigError(expected("--on dask", "distributed", error, "pip install 'fnnet[dask]'")) from None
    if address:
        try:
            client = Client(address, timeout=SECONDS)
        except (OSError, ValueError) as error:
            fix = "start one with `dask scheduler`, and workers with `dask worker ADDRESS --nthreads 1`"
            raise ConfigError(
                expected(f"--on dask:{address}", "a scheduler there", f"{type(error).__name__}: {error}", fix)
            ) from None
        with client:
            try:
                client.wait_for_workers(1, timeout=SECONDS)
            except TimeoutError:
                fix = f"start some with `dask worker {address} --nthreads 1 --memory-limit 0`"
                raise ConfigError(expected(f"--on dask:{address}", "workers", "none", fix)) from None
            try:
                client.run(executors.probe)  # a run that a worker cannot read would end it, and not be answered
            except Exception as error:  # what is raised there comes as it is, or as an Exception with its text
                raise executors.without_code(error) from error
            yield client
        return
    environment = dict.fromkeys(pool.THREADS, str(threads))
    with (
        LocalCluster(
            n_workers=workers, threads_per_worker=1, memory_limit=0, dashboard_address=None, env=environment
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def _dask_wire(client: Any) -> Wire:
    """By events of the scheduler, under a name of this command's own."""
    topic, come = f"fnnet-{uuid.uuid4()}", deque[tuple[int, float]]()
    client.subscribe_topic(topic, lambda event: come.append(event[1]))
    return Wire(partial(_tell_dask, topic), lambda: [come.popleft() for _ in range(len(come))])


def _tell_dask(topic: str, number: int, part: float) -> None:
    from distributed import get_worker

    get_worker().log_event(topic, (number, part))


def _mpi_wire() -> Wire:
    """By messages to the first process, of the job's own communicator, which `mpi4py.futures` leaves alone."""
    from mpi4py import MPI

    def heard() -> list[tuple[int, float]]:
        found = []
        while MPI.COMM_WORLD.iprobe(tag=_TOLD):
            found.append(MPI.COMM_WORLD.recv(tag=_TOLD))
        return found

    return Wire(_tell_mpi, heard)


def _tell_mpi(number: int, part: float) -> None:
    from mpi4py import MPI

    MPI.COMM_WORLD.send((number, part), 0, _TOLD)


@contextmanager
def _mpi() -> Iterator[Any]:
    try:
        from mpi4py import MPI
        from mpi4py.futures import MPICommExecutor
    except (ImportError, RuntimeError) as error:
        raise ConfigError(
            expected("--on mpi", "mpi4py and an MPI library", error, "pip install 'fnnet[mpi]'")
        ) from None
    if MPI.COMM_WORLD.size < 2:
        fix = "start it as in `mpiexec -n 4 python -m mpi4py -m experiments run NAME --on mpi`"
        raise ConfigError(expected("--on mpi", "two processes or more, of which one hands out the runs", 1, fix))
    with MPICommExecutor(MPI.COMM_WORLD, root=0) as executor:
        yield executor
