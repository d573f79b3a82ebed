"""What a few seeds allow to say."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import NamedTuple

CONFIDENCE = 0.95


class Difference(NamedTuple):
    """A paired difference over seeds: its mean, the half width of its t-interval, and the number of pairs."""

    mean: float
    half: float
    n: int

    @property
    def verdict(self) -> int:
        """1 where the interval lies above 0, -1 where below, 0 where it holds 0."""
        return (self.mean - self.half > 0) - (self.mean + self.half < 0)


def spread(values: Sequence[float]) -> float:
    """Standard deviation of single runs; NaN of less than two."""
    return stdev(values) if len(values) > 1 else math.nan


def quantile(n: int) -> float:
    """Student's t for a two-sided interval of n values.

    >>> round(quantile(5), 3)
    2.776
    """
    from scipy.special import stdtrit  # type: ignore[import-untyped]

    return float(stdtrit(n - 1, (1 + CONFIDENCE) / 2))


def interval(values: Sequence[float]) -> Difference | None:
    """The t-interval of the mean of some values; None for less than two.

    >>> interval([2.0, 2.0])
    Difference(mean=2.0, half=0.0, n=2)
    """
    n = len(values)
    return None if n < 2 else Difference(fmean(values), quantile(n) * stdev(values) / math.sqrt(n), n)


def paired(better: Mapping[int, float], worse: Mapping[int, float]) -> Difference | None:
    """The difference better - worse over the seeds that both have; None for less than two.

    >>> paired({0: 3.0, 1: 4.0}, {0: 1.0, 1: 2.0, 2: 9.0})
    Difference(mean=2.0, half=0.0, n=2)
    """
    return interval([better[seed] - worse[seed] for seed in better if seed in worse])


def next_run(values: Sequence[float]) -> tuple[float, float]:
    """The interval in which one further run is expected: mean ± t s √(1 + 1/n); unbounded for less than two values."""
    n = len(values)
    if n < 2:
        return -math.inf, math.inf
    half = quantile(n) * stdev(values) * math.sqrt(1 + 1 / n)
    return fmean(values) - half, fmean(values) + half
