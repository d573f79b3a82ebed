"""The logarithm of softmax: what it is by its formula, and its derivative by the other's."""

import numpy as np
import pytest

from fnnet import layers, rng


@pytest.mark.parametrize("axis", [1, 2, -1])
def test_it_is_the_logarithm_of_softmax(axis):
    x = rng.normal(rng.key(0), (3, 4, 5), np.float64)
    y, vjp = layers.log_softmax(axis=axis).apply((), x)
    p, _ = layers.softmax(axis=axis).apply((), x)
    np.testing.assert_allclose(y, np.log(p), rtol=1e-12)
    dy = rng.normal(rng.key(1), x.shape, np.float64)
    np.testing.assert_allclose(vjp(dy)[1], dy - p * dy.sum(axis=axis, keepdims=True), rtol=1e-10, atol=1e-14)


def test_nothing_is_lost_where_softmax_underflows():
    y, vjp = layers.log_softmax().apply((), np.array([[0.0, -1000.0], [1000.0, 0.0]]))
    np.testing.assert_array_equal(y, [[0.0, -1000.0], [0.0, -1000.0]])
    assert np.isfinite(vjp(np.ones((2, 2)))[1]).all()
