"""Softmax and its logarithm: along which axis, and at extremes."""

import numpy as np
import pytest

from fnnet import layers, rng
from fnnet.errors import ConfigError, ShapeError
from tests.oracles.activations import log_softmax, softmax


def test_softmax_rows_sum_to_one_and_do_not_shift():
    x = rng.normal(rng.key(0), (5, 7), np.float64)
    y, _ = layers.softmax().apply((), x)
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-15)
    np.testing.assert_allclose(layers.softmax().apply((), x + 1000)[0], y, rtol=1e-12)


def test_softmin_is_the_softmax_of_the_negative():
    x, dy = (rng.normal(rng.key(seed), (5, 7, 2), np.float64) for seed in (0, 1))
    for axis in (1, -1):
        y, vjp = layers.softmin(axis=axis).apply((), x)
        want, pull = layers.softmax(axis=axis).apply((), -x)
        np.testing.assert_array_equal(y, want)
        np.testing.assert_array_equal(vjp(dy)[1], -pull(dy)[1])
        np.testing.assert_allclose(y, np.exp(-x) / np.exp(-x).sum(axis=axis, keepdims=True), rtol=1e-14)


def test_softmax_works_along_the_axis_named():
    x = rng.normal(rng.key(0), (2, 3, 4), np.float64)
    last, _ = layers.softmax().apply((), x)
    middle, _ = layers.softmax(axis=1).apply((), x)
    np.testing.assert_allclose(last.sum(axis=2), 1)
    np.testing.assert_allclose(middle.sum(axis=1), 1)
    np.testing.assert_array_equal(layers.softmax(axis=-2).apply((), x)[0], middle)
    for axis, y in [({}, last), ({"axis": 1}, middle)]:
        np.testing.assert_allclose(np.exp(layers.log_softmax(**axis).apply((), x)[0]), y)


@pytest.mark.parametrize("make", [layers.softmax, layers.softmin, layers.log_softmax])
def test_every_axis_but_the_batch_will_do(make):
    for axis in (1, 2, -1, -2):
        assert make(axis=axis).shape((3, 4)) == (3, 4)
    for axis in (3, -3):  # there is none; the batch
        with pytest.raises(ShapeError, match=rf"input: expected a batch array with axis {axis} beside the batch axis"):
            make(axis=axis).shape((3, 4))


@pytest.mark.parametrize("make", [layers.softmax, layers.softmin, layers.log_softmax])
@pytest.mark.parametrize(
    ("axis", "shown"), [(0, "0"), (1.0, "1.0"), ("1", "'1'"), (True, "True"), (None, "None")], ids=repr
)
def test_axis_must_be_whole_and_not_the_batch(make, axis, shown):
    with pytest.raises(
        ConfigError, match=f"axis: expected a whole number other than 0, which is the batch, got {shown}"
    ):
        make(axis)


@pytest.mark.parametrize("axis", [2, -2, 3])
def test_axis_must_exist(axis):
    message = rf"softmax: input: expected a batch array with axis {axis} beside the batch axis, got examples \(4,\)"
    with pytest.raises(ShapeError, match=message):
        layers.softmax(axis).shape((4,))


@pytest.mark.parametrize("make", [layers.softmax, layers.softmin, layers.log_softmax])
def test_a_batch_of_numbers_has_no_axis_to_normalise(make):
    with pytest.raises(ShapeError, match="beside the batch axis"):
        make().apply((), np.zeros(3))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "oracle"), [("softmax", softmax), ("log_softmax", log_softmax)])
def test_softmax_at_extremes_in_ulp(name, oracle, dtype):
    """Within 8 ulp of 1, of log-probabilities within 8 ulp of the largest score."""
    x = np.array([[1e4, -1e4, 9999.0], [0.0, 0.0, 0.0], [-1e4, -1e4, -1e4 - 3], [30.0, -50.0, 1.0]], dtype)
    y, _ = getattr(layers, name)().apply((), x)
    size = 1.0 if name == "softmax" else np.maximum(1, np.abs(x).max(axis=1, keepdims=True))
    assert (np.abs(y - oracle(x)) / size).max() <= 8 * np.finfo(dtype).eps
