"""Learning rates that change: values worked out by hand, and laws over all of them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnnet import errors
from fnnet.optim import schedules as s
from tests.optim.cases import SCHEDULES

HALF = 1 / math.sqrt(2)


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        pytest.param(s.schedule(0.3), {0: 0.3, 10**9: 0.3}, id="schedule"),
        pytest.param(s.schedule(lambda count: 0.1 * count), {0: 0.0, 3: 0.1 * 3}, id="schedule of one"),
        pytest.param(s.constant(0.3), {0: 0.3, 10**9: 0.3}, id="constant"),
        pytest.param(s.step(0.8, 3), {0: 0.8, 2: 0.8, 3: 0.4, 5: 0.4, 6: 0.2}, id="step"),
        pytest.param(s.step(0.8, 1, factor=0.1), {0: 0.8, 1: 0.08, 2: 0.008}, id="step by tenths"),
        pytest.param(s.step(0.8, 3, factor=0.0), {2: 0.8, 3: 0.0}, id="step to nothing"),
        pytest.param(s.multi_step(0.8, [2, 5]), {1: 0.8, 2: 0.4, 4: 0.4, 5: 0.2, 99: 0.2}, id="multi_step"),
        pytest.param(s.multi_step(0.8, []), {0: 0.8, 99: 0.8}, id="multi_step without boundaries"),
        pytest.param(s.piecewise([1, 3, 2], [2, 5]), {1: 1, 2: 3, 4: 3, 5: 2, 99: 2}, id="piecewise"),
        pytest.param(s.exponential(0.8, 0.5), {0: 0.8, 1: 0.4, 3: 0.1}, id="exponential"),
        pytest.param(s.exponential(0.8, 0.5, steps=4), {0: 0.8, 2: 0.8 * HALF, 4: 0.4}, id="exponential in 4"),
        pytest.param(s.exponential(1e-3, 10.0, steps=5), {5: 1e-2, 15: 1.0}, id="exponential up"),
        pytest.param(s.exponential(0.0, 2.0), {0: 0.0, 5000: 0.0}, id="exponential of nothing"),
        pytest.param(s.inverse_time(0.8, 1.0), {0: 0.8, 1: 0.4, 3: 0.2}, id="inverse_time"),
        pytest.param(s.inverse_time(0.8, 2.0, steps=8), {0: 0.8, 4: 0.4, 12: 0.2}, id="inverse_time in 8"),
        pytest.param(s.linear(0.2, 1.0, 4), {0: 0.2, 1: 0.4, 3: 0.8, 4: 1.0, 9: 1.0}, id="linear"),
        pytest.param(
            s.cosine(0.9, 8, end=0.1),
            {0: 0.9, 2: 0.5 + 0.4 * HALF, 4: 0.5, 6: 0.5 - 0.4 * HALF, 8: 0.1, 99: 0.1},
            id="cosine",
        ),
        pytest.param(s.cosine(0.8, 4), {0: 0.8, 2: 0.4, 4: 0.0, 9: 0.0}, id="cosine to nothing"),
        pytest.param(
            s.warm_restarts(0.9, 4, end=0.1),
            {0: 0.9, 1: 0.5 + 0.4 * HALF, 2: 0.5, 3: 0.5 - 0.4 * HALF, 4: 0.9, 4001: 0.5 + 0.4 * HALF},
            id="warm_restarts",
        ),
        pytest.param(
            s.warm_restarts(0.8, 1, growth=3),
            {0: 0.8, 1: 0.8, 2: 0.6, 3: 0.2, 4: 0.8, 13: 0.8, 22: 0.6, 40: 0.8},
            id="warm_restarts ever longer",
        ),
        pytest.param(s.warm_up(0.5, 4), {0: 0.1, 1: 0.2, 3: 0.4, 4: 0.5, 99: 0.5}, id="warm_up"),
        pytest.param(s.warm_up(s.step(0.6, 2), 2), {0: 0.2, 1: 0.4, 2: 0.6, 3: 0.6, 4: 0.3}, id="warm_up, then step"),
        pytest.param(
            s.warm_up(s.step(0.6, 1), 2), {0: 0.2, 1: 0.4, 2: 0.6, 3: 0.3, 4: 0.15}, id="warm_up, step at once"
        ),
        pytest.param(s.warm_up(0.5, 0), {0: 0.5}, id="warm_up of nothing"),
        pytest.param(
            s.one_cycle(1.0, 9, rise=5 / 9, start_divisor=5.0, end_divisor=10.0),
            {0: 0.2, 2: 0.6, 4: 1.0, 6: 0.51, 8: 0.02, 99: 0.02},
            id="one_cycle",
        ),
        pytest.param(
            s.joined([0.3, s.linear(1.0, 0.0, 2), s.step(0.8, 1)], [2, 4]),
            {0: 0.3, 1: 0.3, 2: 1.0, 3: 0.5, 4: 0.8, 5: 0.4},
            id="joined",
        ),
    ],
)
def test_values(rate, expected):
    assert {count: pytest.approx(rate(count), rel=1e-12) for count in expected} == expected


@given(st.sampled_from(sorted(SCHEDULES)), st.integers(0, 10**6))
def test_all_return_python_floats(name, count):
    rate = SCHEDULES[name]()
    value = rate(count)
    assert type(value) is float
    assert value >= 0
    assert type(rate(np.int64(count))) is float
    assert rate(np.int64(count)) == value == SCHEDULES[name]()(count)


@pytest.mark.parametrize("wrap", [lambda rate: s.joined([rate], []), lambda rate: s.warm_up(rate, 2)])
@pytest.mark.parametrize("count", [0, 2])
def test_numpy_floats_of_an_own_schedule_become_pythons(wrap, count):
    assert type(wrap(lambda t: np.float64(0.1))(count)) is float


@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 50))
def test_from_one_end_to_the_other(start, end, steps):
    for rate in (s.linear(start, end, steps), s.cosine(start, steps, end=end)):
        values = [rate(t) for t in range(steps + 2)]
        assert values[0] == start
        assert values[-1] == values[-2] == end
        order = sorted(values, reverse=start > end)
        np.testing.assert_allclose(values, order, rtol=1e-12, atol=1e-15)


@given(st.integers(4, 200), st.floats(0.3, 0.7))
def test_one_cycle_goes_up_and_down_once(steps, rise):
    values = [s.one_cycle(1.0, steps, rise=rise)(t) for t in range(steps)]
    top = int(np.argmax(values))
    assert values[: top + 1] == sorted(values[: top + 1])
    assert values[top:] == sorted(values[top:], reverse=True)
    assert abs(top - (rise * steps - 1)) <= 1
    np.testing.assert_allclose([values[0], values[-1]], [1 / 25, 1 / 25 / 1e4])


@pytest.mark.parametrize("name", sorted(SCHEDULES))
@pytest.mark.parametrize("count", [-1, 1.5, True, "3"])
def test_bad_counts(name, count):
    with pytest.raises(errors.ConfigError, match="count: expected a whole number ≥ 0"):
        SCHEDULES[name]()(count)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: s.constant(-1), "learning_rate: .* got -1"),
        (lambda: s.schedule("fast"), "learning_rate: .* got 'fast'"),
        (lambda: s.step(-1, 2), "value: .* got -1"),
        (lambda: s.step(1, 0), "every: expected a whole number ≥ 1, got 0"),
        (lambda: s.step(1, 2, factor=1.5), r"factor: expected a number in \[0, 1\], got 1.5"),
        (lambda: s.multi_step(1, [3, 3]), r"boundaries: expected counts in rising order, got \[3, 3\]"),
        (lambda: s.multi_step(1, [0]), "boundary: expected a whole number ≥ 1, got 0"),
        (lambda: s.multi_step(1, 3), "boundaries: expected a sequence, got 3"),
        (lambda: s.multi_step(1, [2.5]), "boundary: .* got 2.5"),
        (lambda: s.multi_step(1, [2], factor=-1), "factor: .* got -1"),
        (lambda: s.piecewise([1, 2], [1, 2]), "values: expected 3, one more than boundaries, got 2"),
        (lambda: s.piecewise([1, -2], [1]), "value 1: .* got -2"),
        (lambda: s.piecewise([1, 2, 3], [5, 2]), r"rising order, got \[5, 2\]"),
        (lambda: s.exponential(1, 0.0), r"factor: expected a number in \(0, inf\], got 0.0"),
        (lambda: s.piecewise(0.1, []), "values: expected a sequence, got 0.1"),
        (lambda: s.exponential(0.1, 2.0)(5000), r"learning_rate at 5000: expected a number in \[0, inf\], got inf"),
        (lambda: s.exponential(1, 0.5, steps=0), "steps: .* got 0"),
        (lambda: s.inverse_time(1, -0.1), "factor: .* got -0.1"),
        (lambda: s.inverse_time(1, 0.1, steps=0), "steps: .* got 0"),
        (lambda: s.linear(0.1, -0.1, 3), "end: .* got -0.1"),
        (lambda: s.linear(-0.1, 0.1, 3), "start: .* got -0.1"),
        (lambda: s.linear(0.1, 0.1, 0), "steps: .* got 0"),
        (lambda: s.cosine(0.1, 0), "steps: .* got 0"),
        (lambda: s.cosine(0.1, 10, end=-1), "end: .* got -1"),
        (lambda: s.warm_restarts(-0.1, 3), "value: .* got -0.1"),
        (lambda: s.warm_restarts(0.1, 0), "steps: expected a whole number ≥ 1, got 0"),
        (lambda: s.warm_restarts(0.1, 3, growth=1.5), "growth: expected a whole number ≥ 1, got 1.5"),
        (lambda: s.warm_restarts(0.1, 3, end=-1), "end: .* got -1"),
        (lambda: s.warm_up(0.1, -1), "steps: expected a whole number ≥ 0, got -1"),
        (lambda: s.warm_up(-0.1, 1), "learning_rate: .* got -0.1"),
        (lambda: s.warm_up(lambda t: -1.0, 2)(0), "learning_rate at 0: .* got -1"),
        (lambda: s.one_cycle(0.1, 1), "steps: expected a whole number ≥ 2, got 1"),
        (lambda: s.one_cycle(0.1, 3), r"rise: expected rise · steps > 1, got rise · steps = 0.9"),
        (lambda: s.one_cycle(0.1, 10, rise=1.0), r"rise: expected a number in \(0, 1\), got 1.0"),
        (lambda: s.one_cycle(0.1, 10, start_divisor=0.5), "start_divisor: .* got 0.5"),
        (lambda: s.one_cycle(0.1, 10, end_divisor=0), "end_divisor: .* got 0"),
        (lambda: s.warm_up(lambda t: float(1 - t), 2)(4), "learning_rate at 4: .* got -1"),
        (lambda: s.joined([0.1, lambda t: np.nan], [3])(5), "learning_rate at 5: .* got nan"),
        (lambda: s.joined(0.1, []), "schedules: expected a sequence, got 0.1"),
        (lambda: s.joined([0.1], [3]), "schedules: expected 2, one more than boundaries, got 1"),
        (lambda: s.joined([0.1, 0.2], [0]), "boundary: .* got 0"),
    ],
)
def test_bad_settings(make, message):
    with pytest.raises(errors.ConfigError, match=message):
        make()
