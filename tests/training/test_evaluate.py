import gc
import weakref
from functools import partial

import numpy as np
import pytest

from fnnet import layers, losses, training
from fnnet.errors import ConfigError, DataError
from tests.training.cases import ARRAYS, KEY, LOSS, NETS, SHAPE


def accuracy(logits, labels):
    return float((logits.argmax(axis=1) == labels).mean())


def correct(logits, labels):
    return int((logits.argmax(axis=1) == labels).sum())


def confusion(logits, labels):
    counts = np.zeros((3, 3), np.int64)
    np.add.at(counts, (labels, logits.argmax(axis=1)), 1)
    return counts


@pytest.mark.parametrize("size", [1, 4, 23, 100])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("name", NETS)
def test_batches_count_as_one(name, reduction, size):
    net = NETS[name]
    params = net.init(KEY, SHAPE)
    loss = partial(LOSS, reduction=reduction)
    metrics = {"accuracy": accuracy, "correct": correct, "confusion": confusion}
    found = training.evaluate(net, params, ARRAYS, metrics, loss, size=size)
    logits, _ = net.apply(params, ARRAYS[0])
    assert list(found) == ["loss", "accuracy", "correct", "confusion"]
    assert found["loss"] == pytest.approx(loss(logits, ARRAYS[1])[0], rel=1e-5)
    assert found["accuracy"] == pytest.approx(accuracy(logits, ARRAYS[1]), rel=1e-15)
    assert found["correct"] == correct(logits, ARRAYS[1])
    np.testing.assert_array_equal(found["confusion"], confusion(logits, ARRAYS[1]))
    assert [type(found[name]) for name in ("loss", "accuracy", "correct")] == [float, float, int]


def test_kinds_of_values():
    x = np.arange(10, dtype=np.float32).reshape(5, 2)
    metrics = {
        "mean": lambda y, t: y.mean(),  # a NumPy scalar
        "means": lambda y, t: y.mean(axis=0, dtype=np.float64),
        "count": lambda y, t: (y > 2).sum(),
        "true": lambda y, t: True,
    }
    found = training.evaluate(layers.identity(), (), (x, x), metrics, size=2)
    assert found.pop("means").tolist() == [4.0, 5.0]
    assert found == {"mean": 4.5, "count": 7, "true": 1.0}
    assert [type(value) for value in found.values()] == [float, int, float]


def test_what_a_batch_needed_is_let_go_at_once():
    alive = weakref.WeakSet()
    most = []

    class Kept:
        pass

    def apply(params, x):
        most.append(len(alive))
        kept = Kept()
        alive.add(kept)
        return x, lambda dy: ((), kept)

    net = layers.layer(lambda key, shape: (), apply, shape=lambda shape: shape)
    gc.disable()
    try:
        training.evaluate(net, (), (np.ones((9, 2)), np.ones((9, 2))), loss=losses.squared_error, size=2)
    finally:
        gc.enable()
    assert most == [0] * 5


def test_bad_arguments():
    net = NETS["plain"]
    params = net.init(KEY, SHAPE)
    with pytest.raises(DataError, match=r"arrays\[1\]: expected 23 examples, as in arrays\[0\], got 22"):
        training.evaluate(net, params, (ARRAYS[0], ARRAYS[1][:22]))
    with pytest.raises(DataError, match="arrays: expected at least one example, got none"):
        training.evaluate(net, params, (ARRAYS[0][:0], ARRAYS[1][:0]))
    with pytest.raises(DataError, match=r"batch: expected a pair \(x, target\), got 1 arrays"):
        training.evaluate(net, params, ARRAYS[:1])
    with pytest.raises(ConfigError, match="size: expected a whole number ≥ 1, got 0"):
        training.evaluate(net, params, ARRAYS, size=0)
    with pytest.raises(ConfigError, match="expected an argument reduction"):
        training.evaluate(net, params, ARRAYS, loss=lambda y, t: LOSS(y, t))
