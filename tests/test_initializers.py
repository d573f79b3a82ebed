"""Initial weights: moments, bounds, fans, and which errors come."""

import math

import numpy as np
import pytest

from fnnet import initializers, layers, rng
from fnnet.errors import ConfigError, ShapeError

SHAPES = [(300, 200), (64, 48, 5, 5)]

# Variance times fan: of a normal as asked for; of the others by their papers.
FACTORIES = {
    "zeros": (initializers.zeros, lambda fan_in, fan_out: 0.0),
    "normal": (lambda: initializers.normal(0.01), lambda fan_in, fan_out: 1e-4),
    "xavier_normal": (initializers.xavier_normal, lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
    "xavier_uniform": (initializers.xavier_uniform, lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
    "he_normal": (initializers.he_normal, lambda fan_in, fan_out: 2 / fan_in),
    "he_uniform": (initializers.he_uniform, lambda fan_in, fan_out: 2 / fan_in),
    "lecun_normal": (initializers.lecun_normal, lambda fan_in, fan_out: 1 / fan_in),
    "lecun_uniform": (initializers.lecun_uniform, lambda fan_in, fan_out: 1 / fan_in),
}
HELPERS = {"fans": initializers.fans}
FANS = {(300, 200): (300, 200), (64, 48, 5, 5): (48 * 25, 64 * 25)}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", FACTORIES)
def test_moments(name, shape):
    make, variance = FACTORIES[name]
    weight = make()(rng.key(0), shape)
    wanted = variance(*FANS[shape])
    assert weight.shape == shape
    assert weight.dtype == np.float32
    assert weight.mean() == pytest.approx(0, abs=5 * math.sqrt(wanted / weight.size))
    assert weight.var() == pytest.approx(wanted, rel=0.03)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", [name for name in FACTORIES if name.endswith("uniform")])
def test_uniform_bounds(name, shape):
    make, variance = FACTORIES[name]
    weight = make()(rng.key(0), shape)
    bound = math.sqrt(3 * variance(*FANS[shape]))
    assert np.abs(weight).max() <= np.float32(bound)
    assert np.abs(weight).max() > 0.999 * bound


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", [name for name in FACTORIES if name.endswith("normal")])
def test_normals_have_tails(name, shape):
    """Not truncated: of so many numbers some lie beyond three deviations, about 0.27 %."""
    weight = FACTORIES[name][0]()(rng.key(0), shape)
    assert (np.abs(weight) > 3 * weight.std()).mean() == pytest.approx(0.0027, abs=0.001)


@pytest.mark.parametrize("name", FACTORIES)
def test_pure_functions_of_the_key(name):
    init = FACTORIES[name][0]()
    first, again, other = (init(rng.key(seed), (4, 3)) for seed in (0, 0, 1))
    assert first.tobytes() == again.tobytes()
    assert (first.tobytes() == other.tobytes()) == (name == "zeros")


@pytest.mark.parametrize("shape", SHAPES)
def test_fans(shape):
    assert initializers.fans(shape) == FANS[shape]


def test_a_layer_uses_the_one_it_is_given():
    params = layers.dense(200, init=initializers.normal(0.5)).init(rng.key(0), (300,))
    assert params.weight.std() == pytest.approx(0.5, rel=0.02)
    assert not params.bias.any()


@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 4), (1, 2, 3, 4, 5)])
@pytest.mark.parametrize("name", [name for name in FACTORIES if "_" in name])
def test_shapes_without_fans(name, shape):
    with pytest.raises(ShapeError, match=r"weight: expected \(in, out\) or \(O, C, kH, kW\), which have fans, got \("):
        FACTORIES[name][0]()(rng.key(0), shape)


@pytest.mark.parametrize("std", [-0.1, math.nan, math.inf, "wide"])
def test_a_deviation_is_a_number(std):
    with pytest.raises(ConfigError, match="std: expected a number in"):
        initializers.normal(std)
