"""`bidirectional`: a core from either end."""

import numpy as np
import pytest

from fnnet import layers, rng, tree
from fnnet.errors import ConfigError, DataError, ShapeError
from fnnet.types import Discrete
from tests.layers.sequences import LENGTHS, T, sequences

NET = layers.bidirectional(layers.lstm(3))


def test_it_is_a_core_and_one_of_reversed_time():
    core, turn = layers.lstm(3), layers.reverse()
    params = tree.cast(NET.init(rng.key(0), (T, 2)), np.float64)
    xs = sequences(2)
    for x in (xs, (xs, LENGTHS)):

        def turned(own, x=x):
            return turn.apply((), (own, LENGTHS) if isinstance(x, tuple) else own)[0]

        y, _ = NET.apply(params, x)
        ahead, _ = core.apply(params.forward, x)
        back, _ = core.apply(params.backward, (turned(xs), LENGTHS) if isinstance(x, tuple) else turned(xs))
        np.testing.assert_allclose(y, np.concatenate([ahead, turned(back)], axis=-1))


def test_both_cores_have_their_own_params_and_samples():
    params = NET.init(rng.key(0), (T, 2))
    assert params._fields == ("forward", "backward")
    assert params.forward.weight.tobytes() != params.backward.weight.tobytes()
    net = layers.bidirectional(layers.per_step(layers.dropout(0.5))).train(rng.key(0))
    y, _ = net.apply(net.init(rng.key(0), (1, 64)), np.ones((1, 1, 64), np.float32))
    assert (y[..., :64] != y[..., 64:]).any()


def test_what_is_refused():
    with pytest.raises(ConfigError, match="core: expected a Layer"):
        layers.bidirectional(layers.lstm)
    with pytest.raises(ShapeError, match=r"^bidirectional: x: expected xs \(N, T, …\), or \(xs, lengths\)"):
        NET.shape(((T, 2), Discrete((T,))))
    with pytest.raises(ShapeError, match=r"^bidirectional > forward: xs: expected \(N, T, D\)"):
        NET.shape((T,))
    with pytest.raises(ShapeError, match=r"what the cores make: expected \(N, T, …, n\) both"):
        layers.bidirectional(layers.last()).shape((T, 2))
    params = NET.init(rng.key(0), (T, 2))
    with pytest.raises(DataError, match=r"^bidirectional: x\[1\]: expected lengths from 1 to T = 4, got 9"):
        NET.apply(params, (sequences(2, dtype=np.float32), np.array([1, 2, 9])))
