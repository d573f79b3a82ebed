"""`gaussian_sample`: a draw by mean and log-variance."""

import numpy as np
import pytest

from fnnet import layers, rng
from fnnet.errors import ShapeError


def test_draws_have_the_moments_that_are_asked_for():
    mean, log_variance = np.full((20_000, 2), 3.0), np.tile(np.log([0.25, 4.0]), (20_000, 1))
    y, _ = layers.gaussian_sample().train(rng.key(1)).apply((), (mean, log_variance))
    np.testing.assert_allclose(y.mean(axis=0), [3, 3], atol=0.05)
    np.testing.assert_allclose(y.std(axis=0), [0.5, 2.0], rtol=0.02)


def test_gradients_are_those_of_the_formula():
    draws = np.random.default_rng(0)
    mean, log_variance, dy = draws.normal(size=(3, 4, 5))
    y, vjp = layers.gaussian_sample().train(rng.key(2)).apply((), (mean, log_variance))
    noise = (y - mean) / np.exp(log_variance / 2)
    dm, dv = vjp(dy)[1]
    np.testing.assert_array_equal(dm, dy)
    np.testing.assert_allclose(dv, dy * noise * np.exp(log_variance / 2) / 2, rtol=1e-13)


def test_evaluation_is_the_mean_and_knows_no_variance():
    mean, log_variance = np.ones((1, 2)), np.zeros((1, 2))
    y, vjp = layers.gaussian_sample().apply((), (mean, log_variance))
    assert y is mean
    np.testing.assert_array_equal(vjp(np.ones((1, 2)))[1][1], 0)


def test_misfits_are_told():
    with pytest.raises(ShapeError, match=r"\(mean, log-variance\)"):
        layers.gaussian_sample().shape(((2,), (2,), (2,)))
    with pytest.raises(ShapeError, match=r"x\[1\]: expected the shape of x\[0\]"):
        layers.gaussian_sample().shape(((2,), (3,)))
    with pytest.raises(ShapeError, match="a tuple"):
        layers.gaussian_sample().shape((2,))
