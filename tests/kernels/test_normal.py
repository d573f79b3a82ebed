"""Φ against long doubles and against the erf of the standard library."""

import math

import numpy as np
import pytest

from fnnet import rng
from fnnet.kernels.normal import normal
from tests.oracles.activations import LONG, density, share


def points(dtype, low):
    spread = 2 * rng.normal(rng.key(0), (4000,), np.float64), np.linspace(low, 9, 4000), np.array([0.0, -0.0, 1e-30])
    return np.concatenate(spread).astype(dtype)


@pytest.mark.parametrize(("dtype", "low"), [(np.float32, -13), (np.float64, -37.4)])
def test_within_four_ulp_down_to_the_smallest_normal_number(dtype, low):
    x = points(dtype, low)
    found, bell = normal(x)
    assert found.dtype == bell.dtype == dtype
    wide = x.astype(LONG)
    for got, want in ((found, share(wide)), (bell, density(wide) / density(LONG(0)))):
        normal_numbers = want > np.finfo(dtype).tiny
        error = np.abs(got - want)[normal_numbers] / (np.finfo(dtype).eps * want[normal_numbers])
        assert error.max() <= 4


def test_erf_of_the_standard_library():
    x = points(np.float64, -9)
    erf = 2 * normal(math.sqrt(2) * x)[0] - 1
    assert np.abs(erf - [math.erf(value) for value in x]).max() <= 3 * np.finfo(float).eps


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ends(dtype):
    x = np.array([-np.inf, -1e30, -100, 100, 1e30, np.inf, np.nan], dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        found, bell = normal(x)
    assert found[:-1].tolist() == [0, 0, 0, 1, 1, 1]
    assert bell[:-1].tolist() == [0] * 6
    assert np.isnan(found[-1])


def test_complex_steps_give_the_density():
    x = np.linspace(-8, 8, 1001)
    found, _ = normal(x + 1e-30j)
    np.testing.assert_allclose(found.imag / 1e-30, density(x).astype(float), rtol=2e-12)
    np.testing.assert_allclose(found.real, normal(x)[0], rtol=1e-15)
