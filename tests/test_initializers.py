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
for mode, fan in {
    "fan_in": lambda fan_in, fan_out: fan_in,
    "fan_out": lambda fan_in, fan_out: fan_out,
    "fan_avg": lambda fan_in, fan_out: (fan_in + fan_out) / 2,
}.items():
    for distribution in ("normal", "truncated_normal", "uniform"):
        FACTORIES[f"variance_scaling {mode} {distribution}"] = (
            lambda mode=mode, distribution=distribution: initializers.variance_scaling(
                1.7, mode, distribution=distribution
            ),
            lambda fan_in, fan_out, fan=fan: 1.7 / fan(fan_in, fan_out),
        )
UNNAMED = {
    "constant": lambda: initializers.constant(0.5),
    "truncated_normal": lambda: initializers.truncated_normal(0.5),
    "orthogonal": lambda: initializers.orthogonal(2.0),
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
@pytest.mark.parametrize("name", [name for name in FACTORIES if name.endswith("normal") and "truncated" not in name])
def test_normals_have_tails(name, shape):
    """Not truncated: of so many numbers some lie beyond three deviations, about 0.27 %."""
    weight = FACTORIES[name][0]()(rng.key(0), shape)
    assert (np.abs(weight) > 3 * weight.std()).mean() == pytest.approx(0.0027, abs=0.001)


@pytest.mark.parametrize("name", [*FACTORIES, *UNNAMED])
def test_pure_functions_of_the_key(name):
    init = FACTORIES[name][0]() if name in FACTORIES else UNNAMED[name]()
    first, again, other = (init(rng.key(seed), (4, 3)) for seed in (0, 0, 1))
    assert first.tobytes() == again.tobytes()
    assert (first.tobytes() == other.tobytes()) == (name in ("zeros", "constant"))
    assert first.dtype == np.float32
    assert first.flags.c_contiguous


@pytest.mark.parametrize("shape", SHAPES)
def test_fans(shape):
    assert initializers.fans(shape) == FANS[shape]


def test_a_layer_uses_the_one_it_is_given():
    params = layers.dense(200, init=initializers.normal(0.5)).init(rng.key(0), (300,))
    assert params.weight.std() == pytest.approx(0.5, rel=0.02)
    assert not params.bias.any()


@pytest.mark.parametrize("shape", [(), (3,), (1, 2, 3, 4, 5, 6)])
@pytest.mark.parametrize("name", [name for name in FACTORIES if "_" in name])
def test_shapes_without_fans(name, shape):
    with pytest.raises(ShapeError, match=r"weight: expected \(in, out\) or \(O, C, kH, kW\), which have fans, got \("):
        FACTORIES[name][0]()(rng.key(0), shape)


@pytest.mark.parametrize("std", [-0.1, math.nan, math.inf, "wide"])
def test_a_deviation_is_a_number(std):
    with pytest.raises(ConfigError, match="std: expected a number in"):
        initializers.normal(std)


@pytest.mark.parametrize("bound", [1.0, 1.5, 2.0, 4.0])
def test_truncated_normals_have_no_tails(bound):
    """Their variance against the integral: 1 - 2 b φ(b) / (2 Φ(b) - 1)."""
    weight = initializers.truncated_normal(0.5, bound=bound)(rng.key(0), (400, 500))
    density = math.exp(-(bound**2) / 2) / math.sqrt(2 * math.pi)
    assert np.abs(weight).max() <= np.float32(0.5 * bound)
    assert np.abs(weight).max() > 0.98 * 0.5 * bound
    assert weight.var() == pytest.approx(0.25 * (1 - 2 * bound * density / math.erf(bound / math.sqrt(2))), rel=0.01)
    assert weight.mean() == pytest.approx(0, abs=0.005)


def test_what_lies_inside_is_the_normal_itself():
    cut, whole = (f(rng.key(3), (1000,)) for f in (initializers.truncated_normal(1.0), initializers.normal(1.0)))
    inside = np.abs(whole) <= 2
    np.testing.assert_array_equal(cut[inside], whole[inside])
    assert 0 < (~inside).sum() < 100


@pytest.mark.parametrize(
    ("case", "same"),
    [
        (initializers.variance_scaling(2.0, distribution="normal"), initializers.he_normal()),
        (initializers.variance_scaling(2.0, distribution="uniform"), initializers.he_uniform()),
        (initializers.variance_scaling(distribution="normal"), initializers.lecun_normal()),
        (initializers.variance_scaling(distribution="uniform"), initializers.lecun_uniform()),
        (initializers.variance_scaling(1.0, "fan_avg", distribution="normal"), initializers.xavier_normal()),
        (initializers.variance_scaling(1.0, "fan_avg", distribution="uniform"), initializers.xavier_uniform()),
    ],
)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_named_ones_are_cases_of_variance_scaling(case, same, shape):
    np.testing.assert_allclose(case(rng.key(1), shape), same(rng.key(1), shape), rtol=2e-7)


@pytest.mark.parametrize("shape", [(5, 5), (7, 4), (4, 7), (3, 2, 2), (8, 3, 2, 2), (1, 6), (6, 1), (1, 1)])
def test_orthogonal_matrices(shape):
    weight = initializers.orthogonal(1.5)(rng.key(0), shape).astype(np.float64)
    matrix = weight.reshape(shape[0], -1)
    small = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    assert weight.shape == shape
    np.testing.assert_allclose(small, 1.5**2 * np.eye(len(small)), atol=1e-6)


def test_all_orthogonal_matrices_are_equally_likely():
    """Without the signs of R's diagonal LAPACK's Q has its first entry below 0 always; here the mean of Q is 0."""
    draws = np.stack([initializers.orthogonal()(rng.key(seed), (3, 3)) for seed in range(2000)])
    np.testing.assert_allclose(draws.mean(axis=0), 0, atol=5 / math.sqrt(3 * 2000))
    np.testing.assert_allclose((draws**2).mean(axis=0), 1 / 3, atol=0.03)


@pytest.mark.parametrize("shape", [(), (3,)])
def test_a_matrix_has_two_axes(shape):
    with pytest.raises(ShapeError, match="weight: expected two axes or more, of which to make a matrix, got"):
        initializers.orthogonal()(rng.key(0), shape)


def test_a_constant():
    np.testing.assert_array_equal(initializers.constant(-2.5)(rng.key(0), (2, 3)), np.full((2, 3), -2.5, np.float32))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: initializers.constant(math.nan), "value: expected a number in"),
        (lambda: initializers.constant(1e39), "value: expected a number in .* got 1e\\+39"),
        (lambda: initializers.truncated_normal(-1.0), "std: expected a number in"),
        (lambda: initializers.truncated_normal(1.0, bound=0.5), "bound: expected a number in .* got 0.5"),
        (lambda: initializers.orthogonal(-1.0), "gain: expected a number in"),
        (lambda: initializers.variance_scaling(0.0), "scale: expected a number in"),
        (
            lambda: initializers.variance_scaling(1.0, "in"),
            "mode: expected 'fan_in' or 'fan_out' or 'fan_avg', got 'in'",
        ),
        (lambda: initializers.variance_scaling(1.0, 3), "mode: expected .* got 3"),
        (
            lambda: initializers.variance_scaling(distribution="gauss"),
            "distribution: expected 'normal' or .* got 'gauss'",
        ),
    ],
)
def test_bad_settings(make, message):
    with pytest.raises(ConfigError, match=message):
        make()
