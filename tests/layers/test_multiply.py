"""`multiply`: products, also with zeros."""

import numpy as np

from fnnet import layers, rng

A, B, C = (rng.normal(rng.key(i), (2, 3), np.float64) for i in range(3))


def test_all_parts_are_multiplied():
    y, vjp = layers.multiply().apply((), (A, B, C))
    np.testing.assert_allclose(y, A * B * C, rtol=1e-15)
    dy = rng.normal(rng.key(9), (2, 3), np.float64)
    for got, expected in zip(vjp(dy)[1], (dy * B * C, dy * A * C, dy * A * B), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-14)


def test_a_zero_has_a_gradient_too():
    x = np.float32([[0.0, 0.0]]), np.float32([[3.0, 0.0]])
    _, vjp = layers.multiply().apply((), x)
    a, b = vjp(np.float32([[1.0, 1.0]]))[1]
    np.testing.assert_array_equal(a, [[3.0, 0.0]])
    np.testing.assert_array_equal(b, [[0.0, 0.0]])
