"""Threads of the matrix products: looked at and set in one place."""

from contextlib import AbstractContextManager
from typing import Any

from threadpoolctl import threadpool_info, threadpool_limits  # type: ignore[import-untyped]


def blas() -> list[dict[str, Any]]:
    """What threadpoolctl knows about the BLAS that NumPy has loaded."""
    pools: list[dict[str, Any]] = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return [pool for pool in pools if "numpy" in pool["filepath"]] or pools  # SciPy may bring its own


def limited(threads: int) -> AbstractContextManager[Any]:
    """Within, matrix products use that many threads; afterwards as many as before."""
    limits: AbstractContextManager[Any] = threadpool_limits(threads)
    return limits
