"""Positions by waves: against a loop, and what makes them positions."""

import math

import numpy as np
import pytest

from fnnet import layers
from fnnet.errors import ConfigError, ShapeError


@pytest.mark.parametrize("features", [1, 4, 5])
@pytest.mark.parametrize("base", [10.0, 10000.0])
def test_against_a_loop(features, base):
    x = np.arange(2 * 6 * features, dtype=float).reshape(2, 6, features)
    y, vjp = layers.sinusoidal_positions(base=base).apply((), x)
    for t in range(6):
        for j in range(features):
            wave = math.cos if j % 2 else math.sin
            added = wave(t / base ** ((j - j % 2) / features))
            np.testing.assert_allclose(y[:, t, j], x[:, t, j] + added, rtol=1e-14)
    np.testing.assert_array_equal(vjp(x)[1], x)


def test_a_step_on_is_a_rotation_whatever_the_step():
    """What the paper wants of them: the positions k steps on are a linear function of the positions."""
    waves, _ = layers.sinusoidal_positions().apply((), np.zeros((1, 50, 8)))
    moved, *_ = np.linalg.lstsq(waves[0, :40], waves[0, 7:47], rcond=None)
    np.testing.assert_allclose(waves[0, :40] @ moved, waves[0, 7:47], atol=1e-10)


def test_what_is_refused():
    with pytest.raises(ShapeError, match=r"x: expected a sequence \(N, T, features\), got \(N, 3\)"):
        layers.sinusoidal_positions().shape((3,))
    with pytest.raises(ConfigError, match=r"base: expected a number in \(0, inf\], got 0"):
        layers.sinusoidal_positions(base=0)
