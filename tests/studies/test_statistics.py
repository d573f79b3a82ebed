import math

import numpy as np
import pytest
from scipy import stats

from experiments.engine import statistics


def test_paired_interval_is_students():
    a, b = np.array([0.91, 0.92, 0.95, 0.90]), np.array([0.90, 0.92, 0.92, 0.89])
    found = statistics.paired(dict(enumerate(a.tolist())), dict(enumerate(b.tolist())))
    wanted = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert (found.mean - found.half, found.mean + found.half) == pytest.approx(tuple(wanted))
    assert found.n == 4
    assert found.verdict == 0


@pytest.mark.parametrize(("shift", "verdict"), [(1.0, 1), (-1.0, -1), (0.0, 0)])
def test_verdict(shift, verdict):
    noise = {0: 0.01, 1: -0.02, 2: 0.01}
    assert (
        statistics.paired({seed: value + shift for seed, value in noise.items()}, dict.fromkeys(noise, 0.0)).verdict
        == verdict
    )


def test_one_pair_says_nothing():
    assert statistics.paired({0: 1.0, 1: 2.0}, {1: 1.0}) is None


def test_the_next_run_is_expected_where_it_falls():
    """The interval covers a further draw as often as it says."""
    draws = np.random.default_rng(0).normal(size=(2000, 6))
    inside = sum(
        low <= row[5] <= high
        for row in draws
        if (bounds := statistics.next_run(row[:5].tolist()))
        for low, high in [bounds]
    )
    assert inside / len(draws) == pytest.approx(0.95, abs=0.015)


def test_one_value_has_no_spread():
    assert math.isnan(statistics.spread([1.0]))
    assert statistics.next_run([1.0]) == (-math.inf, math.inf)
