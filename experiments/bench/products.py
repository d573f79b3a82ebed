"""Yardsticks: the fastest matrix product of this machine, and the products of a work with nothing around them."""

import math
import statistics
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from experiments.bench.contenders import PREDICTED
from experiments.bench.works import Work, made_shape, products

_SQUARES = (512, 1024, 2048)


def timed(task: Callable[[], Any]) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def peak() -> float:
    """Multiply-adds a second of the fastest of some square products in float32."""
    return max(size**3 / min(_product(size, size, size, times=3)) for size in _SQUARES)


def bare(work: Work, mode: str, n: int) -> float:
    """Seconds of all products of a step or a prediction, each alone, on arrays that are laid out well: medians.

    The convolutions are direct ones, with their columns already there. It is no bound: filtering as Winograd does gets
    below, and so do thin products cut into pieces, see `fnnet.kernels.convolution`.

    Where there is no product it is the passes over memory that no layer can do without: one there that reads a number
    for each that it writes, one back that reads two.
    """
    part = min(n, PREDICTED) if mode == "infer" else n
    if mode == "both" and not any(products(work, mode, n)):
        return sum(map(statistics.median, _passes(n * math.prod(made_shape(work)))))
    found = Counter(products(work, mode, part)).items()
    return n / part * sum(count * statistics.median(_product(*shape)) for shape, count in found)


def _passes(numbers: int) -> tuple[list[float], list[float]]:
    x, dy, y, dx = np.ones((4, numbers), np.float32)
    return [timed(lambda: np.copyto(y, x)) for _ in range(9)], [
        timed(lambda: np.multiply(x, dy, out=dx)) for _ in range(9)
    ]


def _product(m: int, k: int, n: int, times: int = 9) -> list[float]:
    a, b, out = np.ones((m, k), np.float32), np.ones((k, n), np.float32), np.empty((m, n), np.float32)
    return [timed(lambda: np.matmul(a, b, out=out)) for _ in range(times)]
