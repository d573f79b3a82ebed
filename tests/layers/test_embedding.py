"""`embedding`: rows of a table."""

import numpy as np
import pytest

from fnnet import layers, rng
from fnnet.errors import ConfigError, DataError, DtypeError, ShapeError
from fnnet.types import Discrete
from tests.layers.sequences import pulled

IDS = np.array([[3, 0, 3], [1, 1, 4]])


@pytest.mark.parametrize("padding", [None, 1])
@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.int16])
def test_against_a_loop(padding, dtype):
    net = layers.embedding(5, 2, padding=padding)
    params = net.init(rng.key(0), Discrete((3,)))
    params = params._replace(weight=rng.normal(rng.key(1), (5, 2), np.float64))
    y, dy, dparams, dx = pulled(net, params, IDS.astype(dtype))
    dw = np.zeros((5, 2))
    for place in np.ndindex(IDS.shape):
        if IDS[place] == padding:
            assert not y[place].any()
        else:
            np.testing.assert_array_equal(y[place], params.weight[IDS[place]])
            dw[IDS[place]] += dy[place]
    np.testing.assert_allclose(dparams.weight, dw)
    assert dx is None


def test_one_id_for_each_example():
    net = layers.embedding(5, 2)
    assert net.shape(Discrete(())) == (2,)
    assert net.apply(net.init(rng.key(0), Discrete(())), np.array([4, 0, 1]))[0].shape == (3, 2)


def test_it_begins_normal_with_zeros_for_padding():
    weight = layers.embedding(1000, 8, padding=7).init(rng.key(0), Discrete(())).weight
    assert not weight[7].any()
    assert abs(weight.std() - 1) < 0.02
    assert layers.embedding(1000, 8).init(rng.key(0), Discrete(())).weight[7].all()


@pytest.mark.parametrize(
    ("ids", "error", "message"),
    [
        ([[0, 5, 1]], DataError, r"^embedding: x\[0, 1\]: expected an id from 0 to 4, got 5"),
        ([[0, 1, 1], [0, 0, -1]], DataError, r"^embedding: x\[1, 2\]: expected an id from 0 to 4, got -1"),
        ([[True, False, True]], DtypeError, "^embedding: x: expected ids, whole numbers, got booleans; cast with"),
        (np.float32([[0, 1, 2]]), DtypeError, "^embedding: x: expected whole numbers, got floats; cast with"),
    ],
)
def test_ids_that_are_none(ids, error, message):
    net = layers.embedding(5, 2)
    with pytest.raises(error, match=message):
        net.apply(net.init(rng.key(0), Discrete((3,))), np.array(ids))


def test_what_is_refused():
    with pytest.raises(ConfigError, match="count: expected a whole number ≥ 1, got 0"):
        layers.embedding(0, 2)
    with pytest.raises(ConfigError, match="padding: expected an id from 0 to 4, got 5"):
        layers.embedding(5, 2, padding=5)
    with pytest.raises(ConfigError, match="padding: expected a whole number ≥ 0, got -1"):
        layers.embedding(5, 2, padding=-1)
    params = layers.embedding(6, 2).init(rng.key(0), Discrete((3,)))
    with pytest.raises(ShapeError, match=r"weight: expected \(5, 2\), got \(6, 2\); make params with"):
        layers.embedding(5, 2).apply(params, IDS)
