"""A yardstick for the products of a work: their time one by one, with nothing around them."""

import statistics
import time

import numpy as np

from experiments.bench.contenders import PREDICTED
from experiments.bench.contenders.with_fnnet import share_products
from experiments.bench.works import Work, products


def floor(work: Work, mode: str, n: int, times: int = 9) -> float:
    """Seconds of all products of a step or a prediction, each alone, on arrays that are laid out well: medians.

    The convolutions are direct ones, with their columns already there. It is no bound: filtering as Winograd does gets
    below, and so do thin products cut into pieces, see `fnnet.kernels.convolution`.
    """
    share_products()
    part = min(n, PREDICTED) if mode == "infer" else n
    return n / part * sum(_product(*shape, times) for shape in products(work, mode, part))


def _product(m: int, k: int, n: int, times: int) -> float:
    a, b, out = np.ones((m, k), np.float32), np.ones((k, n), np.float32), np.empty((m, n), np.float32)
    return statistics.median(_timed(a, b, out) for _ in range(times))


def _timed(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> float:
    start = time.perf_counter()
    np.matmul(a, b, out=out)
    return time.perf_counter() - start
