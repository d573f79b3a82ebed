"""The largest of adjacent features: against loops, ties, errors."""

from fractions import Fraction

import numpy as np
import pytest

from fnnet import layers, rng
from fnnet.errors import ConfigError, ShapeError
from tests.kernels.arrays import ORDERS


def by_loops(x, dy, k):
    """Of x (N, C, …), channels in front."""
    y, dx = np.empty((len(x), x.shape[1] // k, *x.shape[2:])), np.zeros_like(x)
    for n, i, *rest in np.ndindex(y.shape):
        values = [x[(n, k * i + j, *rest)] for j in range(k)]
        j = values.index(max(values))
        y[(n, i, *rest)] = values[j]
        dx[(n, k * i + j, *rest)] = dy[(n, i, *rest)]
    return y, dx


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("pieces", [1, 2, 3, 6])
def test_against_loops(pieces, order):
    x = np.round(2 * rng.normal(rng.key(0), (3, 6, 2, 4), np.float64))  # with ties
    y, vjp = layers.maxout(pieces).apply((), ORDERS[order](x))
    dy = rng.normal(rng.key(1), y.shape, np.float64)
    want, dx = by_loops(x, dy, pieces)
    np.testing.assert_array_equal(y, want)
    np.testing.assert_array_equal(vjp(dy)[1], dx)
    assert vjp(dy, input_gradient=False)[1] is None


def test_behind_a_dense_layer_it_is_the_layer_of_the_paper():
    net = layers.serial(layers.dense(6), layers.maxout(3))
    params = net.init(rng.key(0), (4,))
    x = rng.normal(rng.key(1), (5, 4))
    weight, bias = params.dense_0.weight, params.dense_0.bias
    want = np.stack([(x @ weight + bias)[:, 3 * i : 3 * i + 3].max(axis=1) for i in range(2)], axis=1)
    np.testing.assert_array_equal(net.apply(params, x)[0], want)


def test_last_axis_fractions_and_not_a_number():
    x = np.array([[[Fraction(1, 3), Fraction(1, 2)], [Fraction(2, 3), Fraction(-1, 2)]]])
    assert layers.maxout(2, axis=-1).apply((), x)[0].tolist() == [[[Fraction(1, 2)], [Fraction(2, 3)]]]
    for pair in ([np.nan, 1.0], [1.0, np.nan]):
        assert np.isnan(layers.maxout(2).apply((), np.array([pair]))[0][0, 0])


def test_errors():
    with pytest.raises(ConfigError, match="pieces: expected a whole number ≥ 1, got 0"):
        layers.maxout(0)
    with pytest.raises(ShapeError, match=r"maxout: input: expected a multiple of 4 along axis 1, got 6 in \(N, 6, 2\)"):
        layers.maxout(4).shape((6, 2))
