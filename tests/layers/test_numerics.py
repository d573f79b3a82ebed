"""Rounding of layers that sum, in ulp against long doubles: large means, constant channels, long sums."""

import numpy as np
import pytest

from fnnet import layers, rng, tree

DTYPES = [np.float32, np.float64]
LONG = np.longdouble


def training(x):
    net = layers.batch_norm()
    params = tree.cast(net.init(rng.key(0), x.shape[1:]), x.dtype)
    y, vjp = net.train(rng.key(0)).apply(params, x)
    return y, vjp(np.zeros_like(y))[0]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch_last", [False, True])
@pytest.mark.parametrize("shape", [(1000, 3), (8192, 2), (16, 3, 28, 28)])
def test_variance_of_data_with_mean_a_million(shape, batch_last, dtype):
    """Mean within 2 ulp (8 in float64, which has no wider sums), variance and y within 64 plus what that error adds."""
    x = (1e6 + 10 * rng.normal(rng.key(0), shape, np.float64)).astype(dtype)
    if batch_last:
        x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0)
    y, after = training(x)
    exact = x.astype(LONG)
    axes = (0, *range(2, x.ndim))
    mean = exact.mean(axis=axes, keepdims=True)
    variance = ((exact - mean) ** 2).mean(axis=axes, keepdims=True)
    m = x.size // x.shape[1]
    eps = float(np.finfo(dtype).eps)
    error = (2 if dtype == np.float32 else 8) * eps * 1e6
    assert np.abs(after.mean.array - 0.1 * mean.ravel()).max() <= 0.1 * error
    got = (after.variance.array - LONG(0.9)) / LONG(0.1) * (m - 1) / m
    assert (np.abs(got - variance.ravel()) / variance.ravel()).max() <= 64 * eps + error**2 / 100
    expected = (exact - mean) / np.sqrt(variance + LONG(1e-5))
    assert np.abs(y - expected).max() <= 64 * eps + error / 10


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [0.0, 1.0, -3.7, 1e6, 1e-20])
@pytest.mark.parametrize("shape", [(7, 2), (3, 2, 5, 5)])
def test_a_constant_channel_becomes_zero(shape, value, dtype):
    """Its variance is the square of a rounding error; ε keeps the rest in bounds, forwards and backwards."""
    x = np.full(shape, value, dtype)
    y, after = training(x)
    eps = float(np.finfo(dtype).eps)
    assert np.abs(y).max() <= eps * abs(value) / np.sqrt(1e-5)
    np.testing.assert_allclose(after.variance.array, 0.9, rtol=4 * eps)
    net = layers.batch_norm()
    _, vjp = net.train(rng.key(0)).apply(tree.cast(net.init(rng.key(0), shape[1:]), dtype), x)
    dx = vjp(rng.normal(rng.key(1), shape, dtype))[1]
    assert np.isfinite(dx).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_dense_and_its_gradients_in_ulp(dtype):
    """A sum of n products is within √n ulp of the sum of their sizes (BLAS adds in its own order)."""
    net, shape, n = layers.dense(30), (400,), 64
    params = tree.cast(net.init(rng.key(0), shape), dtype)
    x, dy = rng.normal(rng.key(1), (n, *shape), dtype), rng.normal(rng.key(2), (n, 30), dtype)
    y, vjp = net.apply(params, x)
    (dw, db), dx = vjp(dy)
    wide_x, wide_dy, wide_w = x.astype(LONG), dy.astype(LONG), params.weight.astype(LONG)
    for got, left, right in [(y, wide_x, wide_w), (dw, wide_x.T, wide_dy), (dx, wide_dy, wide_w.T)]:
        allowed = np.finfo(dtype).eps * np.sqrt(left.shape[1]) * (np.abs(left) @ np.abs(right))
        assert (np.abs(got - left @ right) / allowed).max() <= 1
    assert (np.abs(db - wide_dy.sum(axis=0)) / (np.finfo(dtype).eps * 8 * np.abs(wide_dy).sum(axis=0))).max() <= 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("settings", [{"kernel": 3}, {"kernel": 5, "padding": 2}, {"kernel": 3, "stride": 2}], ids=str)
def test_convolution_in_ulp(settings, dtype):
    """The same layer in long double, whose products no BLAS computes, agrees within √n ulp of the sum of sizes."""
    net, shape = layers.conv2d(4, **settings), (3, 12, 11)
    params = tree.cast(net.init(rng.key(0), shape), dtype)
    x = rng.normal(rng.key(1), (5, *shape), dtype)
    y, vjp = net.apply(params, x)
    dy = rng.normal(rng.key(2), y.shape, dtype)
    wide, sizes = tree.cast(params, LONG), tree.cast(tree.map(np.abs, params), LONG)
    found = [y, *tree.leaves(vjp(dy))]
    exact_y, exact_vjp = net.apply(wide, x.astype(LONG))
    size_y, size_vjp = net.apply(sizes, np.abs(x).astype(LONG))
    exact = [exact_y, *tree.leaves(exact_vjp(dy.astype(LONG)))]
    largest = [size_y, *tree.leaves(size_vjp(np.abs(dy).astype(LONG)))]
    for got, wanted, size in zip(found, exact, largest, strict=True):
        terms = max(3 * 25, y[:, 0].size)
        assert (np.abs(got - wanted) / (np.finfo(dtype).eps * np.sqrt(terms) * np.maximum(size, 1e-30))).max() <= 1
