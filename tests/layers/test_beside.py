"""`beside`: each layer on its own part."""

import numpy as np
import pytest

from fnnet import layers, rng
from fnnet.errors import ConfigError, DtypeError, ShapeError
from fnnet.types import Discrete

NET = layers.beside(layers.dense(2), layers.serial(layers.dense(4), layers.dropout(0.5)), layers.identity())
SHAPE = ((3,), (5,), Discrete((2,)))
X = rng.normal(rng.key(1), (6, 3)), rng.normal(rng.key(2), (6, 5)), np.ones((6, 2), bool)


def test_it_is_its_layers():
    params = NET.init(rng.key(0), SHAPE)
    assert params._fields == ("dense_0", "serial_0", "identity_0")
    y, vjp = NET.apply(params, X)
    one, one_vjp = layers.dense(2).apply(params.dense_0, X[0])
    np.testing.assert_array_equal(y[0], one)
    assert y[2] is X[2]
    dparams, dx = vjp((y[0], y[1], None))
    np.testing.assert_array_equal(dx[0], one_vjp(one)[1])
    np.testing.assert_array_equal(dparams.dense_0.weight, one_vjp(one)[0].weight)
    assert dx[2] is None


def test_each_trains_by_its_own_key():
    y, _ = NET.train(rng.key(5)).apply(NET.init(rng.key(0), SHAPE), X)
    assert (y[1] == 0).any()
    assert len(NET[1:2]) == 1 if NET._part else NET["serial_0"].name == "serial"


def test_what_is_refused():
    with pytest.raises(ConfigError, match="beside: expected at least one layer, got none"):
        layers.beside()
    with pytest.raises(ShapeError, match="beside: x: expected a tuple of 3 parts, one for each layer, got 2"):
        NET.shape(SHAPE[:2])
    with pytest.raises(ShapeError, match="beside: x: expected a tuple of 3 parts, one for each layer, got one array"):
        NET.shape((3,))
    with pytest.raises(DtypeError, match="beside > dense_0: x: expected floats, got whole numbers"):
        NET.shape((Discrete((3,)), *SHAPE[1:]))
    with pytest.raises(ShapeError, match=r"x\[1\]: expected 6 examples, as in what stands before it, got 5"):
        NET.apply(NET.init(rng.key(0), SHAPE), (X[0], X[1][:5], X[2]))
    with pytest.raises(DtypeError, match=r"x\[1\]: expected the params' dtype float32, got float64; cast with x\[1\]"):
        NET.apply(NET.init(rng.key(0), SHAPE), (X[0], X[1].astype(float), X[2]))
    with pytest.raises(DtypeError, match=r"x\[2\]: expected a NumPy array, got list"):
        NET.apply(NET.init(rng.key(0), SHAPE), (X[0], X[1], [1, 2]))
