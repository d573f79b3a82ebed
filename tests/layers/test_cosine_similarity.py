"""Cosines: against long doubles, at lengths of any size and at none, errors."""

import numpy as np
import pytest

from fnnet import layers, losses, rng
from fnnet.errors import ConfigError, ShapeError

LONG = np.longdouble


@pytest.mark.parametrize("axis", [1, -1])
def test_against_the_formula(axis):
    a, b = (rng.normal(rng.key(seed), (4, 3, 5), np.float64) for seed in (0, 1))
    y, vjp = layers.cosine_similarity(axis=axis).apply((), (a, b))
    dy = rng.normal(rng.key(2), y.shape, np.float64)
    wide, other = a.astype(LONG), b.astype(LONG)
    lengths = [np.sqrt((v * v).sum(axis, keepdims=True)) for v in (wide, other)]
    along = (wide * other).sum(axis, keepdims=True) / lengths[0] / lengths[1]
    np.testing.assert_allclose(y, np.squeeze(along, axis).astype(float), rtol=1e-13)
    pulled = np.expand_dims(dy, axis)
    da = pulled * (other / lengths[0] / lengths[1] - along * wide / lengths[0] ** 2)
    db = pulled * (wide / lengths[0] / lengths[1] - along * other / lengths[1] ** 2)
    for got, want in zip(vjp(dy)[1], (da, db), strict=True):
        np.testing.assert_allclose(got, want.astype(float), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lengths_of_any_size(dtype):
    """Squares would overflow, or vanish."""
    top, tiny = np.finfo(dtype).max / 4, np.finfo(dtype).tiny * 8
    a = np.array([[3 * top / 4, top], [3 * tiny, 4 * tiny]], dtype)
    b = np.array([[top, 0], [tiny, 0]], dtype)
    with np.errstate(all="raise"):
        y, _ = layers.cosine_similarity(eps=float(np.finfo(dtype).tiny)).apply((), (a, b))
    np.testing.assert_allclose(y, 0.6, rtol=1e-6)


def test_vectors_shorter_than_eps_and_zero():
    """They are divided by ε, so that the derivative at 0 is finite."""
    a, b = np.array([[0.0, 0.0], [0.06, 0.08]]), np.array([[3.0, 4.0], [3.0, 4.0]])
    y, vjp = layers.cosine_similarity(eps=0.5).apply((), (a, b))
    np.testing.assert_allclose(y, [0, 0.2])
    da, db = vjp(np.ones(2))[1]
    np.testing.assert_allclose(da, [[1.2, 1.6], [1.2, 1.6]])
    np.testing.assert_allclose(db, [[0, 0], [0, 0]], atol=1e-16)


def test_it_is_one_less_the_loss():
    a, b = (rng.normal(rng.key(seed), (4, 3), np.float64) for seed in (0, 1))
    value, _ = losses.cosine_distance(a, b)
    assert value == pytest.approx(1 - layers.cosine_similarity().apply((), (a, b))[0].mean(), rel=1e-12)


def test_errors():
    with pytest.raises(ConfigError, match=r"eps: expected a number in \(0, inf\], got 0.0"):
        layers.cosine_similarity(eps=0)
    with pytest.raises(ShapeError, match=r"x\[1\]: expected the shape of x\[0\], \(N, 3\), got \(N, 2\)"):
        layers.cosine_similarity().shape(((3,), (2,)))
    with pytest.raises(ShapeError, match="x: expected a tuple of two arrays, got a tuple of 3"):
        layers.cosine_similarity().shape(((3,), (3,), (3,)))
    with pytest.raises(ShapeError, match="x: expected a tuple of at least 2 arrays, got one array"):
        layers.cosine_similarity().shape((3, 2))
    with pytest.raises(ShapeError, match="axis 2 beside the batch axis"):
        layers.cosine_similarity(axis=2).shape(((3,), (3,)))
