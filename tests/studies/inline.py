"""An engine without processes: runs are made by threads of this one, by the adapter that all executors go through."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from experiments.engine import executors, pool


def by_threads(monkeypatch):
    """Let `--on local` mean threads here, which start at once."""

    def perform(jobs, workers, threads=1):
        return executors.perform(partial(ThreadPoolExecutor, workers), jobs, workers, threads)

    monkeypatch.setattr(pool, "perform", perform)
