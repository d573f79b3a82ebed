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


def measured(metric, n=300, size=100):
    x = np.ones((n, 1), np.float32)
    return training.evaluate(layers.identity(), (), (x, x), {"own": metric}, size=size)["own"]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int64, np.uint64])
def test_counts_are_added_in_int64(dtype):
    assert measured(lambda y, t: dtype(len(y))) == 300
    found = measured(lambda y, t: np.full(2, len(y), dtype))
    assert found.tolist() == [300, 300]
    assert found.dtype == np.int64


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_means_are_added_in_float64(dtype):
    assert measured(lambda y, t: dtype(60_000), n=3) == pytest.approx(60_000, rel=1e-3)
    found = measured(lambda y, t: np.full(2, 60_000, dtype))
    np.testing.assert_allclose(found, 60_000, rtol=1e-3)
    assert found.dtype == np.float64


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (lambda y, t: [0.5], r"metric 'own': expected a number or an array of numbers, got a list; return one number"),
        (
            lambda y, t: {"a": 0.5},
            r"metric 'own': .* got a dict; return one number or array, and give every number a m",
        ),
        (lambda y, t: None, "metric 'own': .* got a NoneType"),
        (lambda y, t: "0.5", "metric 'own': .* got a str"),
        (lambda y, t: 1j, "metric 'own': .* got a complex"),
        (lambda y, t: np.array([None]), r"metric 'own': .* got an array \(1,\) object"),
        (lambda y, t: np.ones(len(y)), r"metric 'own': expected one shape for all batches, got \(1,\) and \(2,\)"),
        (lambda y, t: np.uint64(2**63), r"metric 'own': expected counts below 2\*\*63, got 9223372036854775808"),
    ],
)
def test_what_is_no_metric_says_so(metric, message):
    with pytest.raises(ConfigError, match=message):
        measured(metric, n=3, size=2)


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
    with pytest.raises(DataError, match=r"batch: expected a pair \(x, target\), or .*, got 1 arrays"):
        training.evaluate(net, params, ARRAYS[:1])
    with pytest.raises(ConfigError, match="size: expected a whole number ≥ 1, got 0"):
        training.evaluate(net, params, ARRAYS, size=0)
    with pytest.raises(ConfigError, match="expected an argument reduction"):
        training.evaluate(net, params, ARRAYS, loss=lambda y, t: LOSS(y, t))
