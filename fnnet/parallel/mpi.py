"""`mpi`: the processes of an MPI job as a team."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnnet.arrays import Array
from fnnet.errors import ConfigError, expected
from fnnet.parallel.team import Team


def mpi(comm: Any = None) -> Team:
    """The processes of an MPI job, with the extra `mpi`: `mpiexec -n 4 python -m mpi4py program.py`.

    Run programs with `-m mpi4py`, so that an error that nobody catches on one process ends them all, as a process that
    dies does; else the others wait for it for ever. Small things travel pickled, arrays as they lie in memory
    (`Alltoallv`, `Allgatherv`).

    Args:
        comm: a communicator of mpi4py; by default `MPI.COMM_WORLD`, all processes of the job.

    Raises:
        ConfigError: mpi4py or an MPI library is missing.

    Source: Message Passing Interface Forum 2021, "MPI: a message-passing interface standard", version 4.0, chapter 6.
    """
    try:
        from mpi4py import MPI
        from mpi4py.util.dtlib import from_numpy_dtype
    except (ImportError, RuntimeError) as error:  # without mpi4py, without an MPI library
        raise ConfigError(expected("mpi", "mpi4py and an MPI library", error, "pip install 'fnnet[mpi]'")) from None
    own = MPI.COMM_WORLD if comm is None else comm

    def gather(value: Any) -> list[Any]:
        if not isinstance(value, np.ndarray):
            return list(own.allgather(value))
        counts = own.allgather(len(value))
        received = np.empty(sum(counts), value.dtype)
        kind = from_numpy_dtype(value.dtype)
        own.Allgatherv([np.ascontiguousarray(value), kind], [received, counts, kind])
        return _parts(received, counts)

    def exchange(arrays: Sequence[Array]) -> list[Array]:
        sent = [len(array) for array in arrays]
        counts = own.alltoall(sent)
        sending = np.concatenate(arrays)
        received = np.empty(sum(counts), sending.dtype)
        kind = from_numpy_dtype(sending.dtype)
        own.Alltoallv([sending, sent, kind], [received, counts, kind])
        return _parts(received, counts)

    return Team(own.rank, own.size, gather, exchange)


def _parts(whole: Array, counts: Sequence[int]) -> list[Array]:
    """Views of an array, one behind the other."""
    stops = np.cumsum(counts).tolist()
    return [whole[stop - count : stop] for count, stop in zip(counts, stops, strict=True)]
