"""Positions that are learnt: by hand, shorter sequences, and what is refused."""

import numpy as np
import pytest

from fnnet import layers, rng
from fnnet.errors import ConfigError, ShapeError


def test_by_hand():
    net = layers.learned_positions(3)
    params = net.init(rng.key(0), (2, 1))._replace(weight=np.array([[1.0], [10.0], [100.0]]))
    y, vjp = net.apply(params, np.array([[[1.0], [2.0]], [[3.0], [4.0]]]))
    assert y.tolist() == [[[2.0], [12.0]], [[4.0], [14.0]]]
    dparams, dx = vjp(np.array([[[1.0], [2.0]], [[5.0], [7.0]]]))
    assert dparams.weight.tolist() == [[6.0], [9.0], [0.0]]
    assert dx.tolist() == [[[1.0], [2.0]], [[5.0], [7.0]]]


def test_what_is_refused():
    with pytest.raises(ConfigError, match="longest: expected a whole number ≥ 1, got 0"):
        layers.learned_positions(0)
    with pytest.raises(ShapeError, match="x: expected a sequence of at most 3 steps, got 4; make longest= larger"):
        layers.learned_positions(3).shape((4, 2))
    with pytest.raises(ShapeError, match=r"x: expected a sequence \(N, T, features\), got \(N, 4\)"):
        layers.learned_positions().shape((4,))
    net = layers.learned_positions()
    params = net.init(rng.key(0), (3, 2))
    net.apply(params, np.ones((1, 2, 2), np.float32))
    for longer in ((1, 4, 2), (1, 3, 3)):
        with pytest.raises(ShapeError, match=r"weight: expected \(\d or more, \d\) for x .* got \(3, 2\)"):
            net.apply(params, np.ones(longer, np.float32))
