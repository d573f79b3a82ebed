"""A rate that falls on a plateau: by hand, against PyTorch's rule in plain loops, and its errors."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnnet import errors, layers, losses, optim, rng, training
from fnnet.training import PlateauState, reduce_on_plateau


def rates(rule, values, rate=1.0):
    plateau, seen = PlateauState(rate=rate), []
    for value in values:
        plateau = rule(plateau, value)
        seen.append(plateau.rate)
    return seen


@pytest.mark.parametrize(
    ("rule", "values", "expected"),
    [
        pytest.param(reduce_on_plateau(0.5, 1), [3, 2, 2, 1, 1], [1, 1, 0.5, 0.5, 0.25], id="patience 1"),
        pytest.param(reduce_on_plateau(0.5, 2), [3, 3, 3, 3, 3], [1, 1, 0.5, 0.5, 0.25], id="patience 2"),
        pytest.param(reduce_on_plateau(0.5, 2), [3, 3, 2, 2, 1, 1], [1] * 6, id="just in time"),
        pytest.param(reduce_on_plateau(0.5, 1, mode="max"), [1, 2, 2, 3], [1, 1, 0.5, 0.5], id="max"),
        pytest.param(reduce_on_plateau(0.5, 1, threshold=0.1), [10, 9.5, 8], [1, 0.5, 0.5], id="threshold"),
        pytest.param(reduce_on_plateau(0.5, 1, threshold=0.1), [-10, -10.5, -12], [1, 0.5, 0.5], id="below zero"),
        pytest.param(
            reduce_on_plateau(0.5, 1, cooldown=2), [3] * 8, [1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125], id="cooldown"
        ),
        pytest.param(reduce_on_plateau(0.5, 1, least=0.3), [3] * 4, [1, 0.5, 0.3, 0.3], id="least"),
    ],
)
def test_by_hand(rule, values, expected):
    assert rates(rule, values) == expected


def test_a_rate_below_the_least_stays():
    assert rates(reduce_on_plateau(0.5, 1, least=2.0), [3, 3]) == [1.0, 1.0]


def pytorchs(values, factor, patience, threshold, cooldown, least, mode):
    """`ReduceLROnPlateau` as its documentation describes it, with threshold_mode="rel" and positive values."""
    rate, best, bad, cooling = 1.0, math.inf if mode == "min" else -math.inf, 0, 0
    for value in values:
        better = value < best * (1 - threshold) if mode == "min" else value > best * (1 + threshold)
        if better:
            best, bad = value, 0
        else:
            bad += 1
        if cooling > 0:
            cooling -= 1
            bad = 0
        if bad > patience - 1:
            rate, cooling, bad = max(rate * factor, least), cooldown, 0
        yield rate


@given(
    st.lists(st.integers(1, 6), max_size=40),
    st.sampled_from([0.1, 0.5]),
    st.integers(1, 4),
    st.sampled_from([0.0, 1e-4, 0.3]),
    st.integers(0, 3),
    st.sampled_from([0.0, 0.01]),
    st.sampled_from(["min", "max"]),
)
def test_as_pytorch_does(values, factor, patience, threshold, cooldown, least, mode):
    rule = reduce_on_plateau(factor, patience, threshold=threshold, cooldown=cooldown, least=least, mode=mode)
    assert rates(rule, values) == list(pytorchs(values, factor, patience, threshold, cooldown, least, mode))


def test_the_state_of_an_optimizer_goes_on_with_another_rate():
    """A training whose rate falls in the middle is the training with that schedule, to the byte."""
    net = layers.dense(1)
    x, target = rng.normal(rng.key(1), (8, 3)), rng.normal(rng.key(2), (8, 1))
    plateau, lower = PlateauState(rate=0.1), reduce_on_plateau(0.5, 1)
    state = training.init(net, optim.sgd(0.1, momentum=0.9), rng.key(0), (3,))
    scheduled = optim.sgd(optim.schedules.step(0.1, every=2), momentum=0.9)
    other, step = state, training.make_step(net, losses.squared_error, scheduled)
    for loss in (3.0, 3.0, 2.0, 2.0, 1.0):
        now = training.make_step(net, losses.squared_error, optim.sgd(plateau.rate, momentum=0.9))
        state, _ = now(state, (x, target))
        other, _ = step(other, (x, target))
        plateau = lower(plateau, loss)
    assert state.params.weight.tobytes() == other.params.weight.tobytes()
    assert pickle.loads(pickle.dumps(lower)) == lower
    assert pickle.loads(pickle.dumps(plateau)) == plateau


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: reduce_on_plateau(1.0), errors.ConfigError, r"factor: expected a number in \(0, 1\), got 1.0"),
        (lambda: reduce_on_plateau(0.0), errors.ConfigError, "factor: .* got 0.0"),
        (lambda: reduce_on_plateau(0.5, 0), errors.ConfigError, "patience: expected a whole number ≥ 1, got 0"),
        (lambda: reduce_on_plateau(threshold=-1), errors.ConfigError, "threshold: .* got -1"),
        (lambda: reduce_on_plateau(cooldown=-1), errors.ConfigError, "cooldown: .* got -1"),
        (lambda: reduce_on_plateau(least=-1), errors.ConfigError, "least: .* got -1"),
        (lambda: reduce_on_plateau(mode="up"), errors.ConfigError, "mode: expected 'min' or 'max', got 'up'"),
        (
            lambda: reduce_on_plateau()(0.1, 1.0),
            errors.ConfigError,
            r"plateau: expected a PlateauState, got 0.1; begin with PlateauState\(rate=0.1\)",
        ),
        (lambda: reduce_on_plateau()(PlateauState(0.1), "3"), errors.ConfigError, "value: expected a finite number"),
        (
            lambda: reduce_on_plateau()(PlateauState(0.1), {"loss": 1.0}),
            errors.ConfigError,
            "value: expected a finite number, got {'loss': 1.0}",
        ),
        (lambda: reduce_on_plateau()(PlateauState(0.1), math.nan), errors.ConfigError, "value: .* got nan"),
        (lambda: reduce_on_plateau()(PlateauState(0.1), np.inf), errors.ConfigError, "value: .* got inf"),
    ],
)
def test_what_does_not_fit(call, error, message):
    with pytest.raises(error, match=message):
        call()
