"""Teams of threads in one process: what MPI does between processes, with pieces that travel by being copied."""

import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from fnnet.parallel import Team


def run(size: int, work: Callable[[Team], Any], seconds: float = 60) -> list[Any]:
    """What `work(team)` gives, or raises, on every one of so many workers."""
    meeting = threading.Barrier(size, timeout=seconds)
    table: list[Any] = [None] * size

    def trade(rank: int, given: Any) -> list[Any]:
        table[rank] = given
        meeting.wait()
        found = list(table)
        meeting.wait()
        return found

    def member(rank: int) -> Team:
        def gather(value: Any) -> list[Any]:
            if isinstance(value, np.ndarray):
                return [array.copy() for array in trade(rank, value)]
            return [pickle.loads(found) for found in trade(rank, pickle.dumps(value))]

        def exchange(arrays: Any) -> list[Any]:
            return [given[rank].copy() for given in trade(rank, arrays)]

        return Team(rank, size, gather, exchange)

    made: list[Any] = [None] * size

    def one(rank: int) -> None:
        try:
            made[rank] = work(member(rank))
        except BaseException as error:
            made[rank] = error

    threads = [threading.Thread(target=one, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return made
