"""Activations: against long doubles everywhere, at kinks, in every kind of number, and with bad settings."""

from fractions import Fraction

import numpy as np
import pytest

from fnnet import layers, rng
from fnnet.errors import ConfigError
from tests.oracles.activations import FORMULAS, LONG

NAMES = sorted(FORMULAS)
POINTS = np.concatenate(
    [sign * np.array([1e4, 800.0, 90.0, 40.0, 17.0, 5.5, 2.25, 1.0, 0.3, 1e-2, 1e-4, 1e-8]) for sign in (-1, 1)]
)

# The largest error in ulp over POINTS and 10,000 normal numbers: of the value by the value itself (silu's is the only
# one that rounds below the normal numbers); of the derivative by 1, near which all of them lie.
VALUE_ULPS = {"relu": 0, "leaky_relu": 1, "silu": 8, "gelu": 5, "mish": 4}
SLOPE_ULPS = {"relu": 0, "silu": 12, "gelu": 4, "gelu tanh": 64}


def make(name):
    """The activation in its default form, or in the one named behind it."""
    return layers.gelu(approximate="tanh") if name == "gelu tanh" else getattr(layers, name)()


def condition(name, x):
    """How much an error in x grows relatively: the exponent in the tanh form's tail is a cubic; x is nearly tanh x."""
    if name == "tanh_shrink":
        return 1 + np.abs(x / (x - np.tanh(x)))
    return 1 + 1.6 * np.abs(x + 0.0447 * x**3) if name == "gelu tanh" else 1


def points(dtype):
    return np.concatenate([POINTS, 4 * rng.normal(rng.key(0), (10_000,), np.float64)]).astype(dtype)[None]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
def test_value_in_ulp(name, dtype):
    """Relative accuracy in the tails too; below the smallest normal number, zero will do."""
    x = points(dtype)
    y, _ = make(name).apply((), x)
    x = x.astype(LONG)
    expected = FORMULAS[name][0](x)
    info = np.finfo(dtype)
    error = np.abs(y - expected) / (info.eps * np.maximum(np.abs(expected), info.tiny / info.eps))
    assert (error / condition(name, x)).max() <= VALUE_ULPS.get(name, 3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
def test_derivative_in_ulp(name, dtype):
    x = points(dtype)
    _, vjp = make(name).apply((), x)
    expected = FORMULAS[name][1](x.astype(LONG))
    error = np.abs(vjp(np.ones_like(x))[1] - expected) / np.finfo(dtype).eps
    assert error.max() <= SLOPE_ULPS.get(name, 2)


@pytest.mark.parametrize(
    ("make", "slope"),
    [
        (layers.relu, 0),
        (lambda: layers.celu(0.5), 1),
        (lambda: layers.gelu(approximate="tanh"), 0.5),
        (layers.mish, 0.6),
        (layers.log_sigmoid, 0.5),
        (layers.softsign, 1),
        (layers.tanh_shrink, 0),
        (lambda: layers.leaky_relu(0.1), 0.1),
        (layers.elu, 1),
        (lambda: layers.elu(0.5), 0.5),
        (layers.sigmoid, 0.25),
        (layers.tanh, 1),
        (layers.gelu, 0.5),
        (layers.silu, 0.5),
        (layers.softplus, 0.5),
        (layers.selu, 1.0507009873554805 * 1.6732632423543772),
    ],
)
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_derivative_at_zero(make, slope, zero):
    """At kinks it is the one from the left; relu′(0) = 0."""
    _, vjp = make().apply((), np.array([[zero]]))
    assert vjp(np.array([[2.0]]))[1] == pytest.approx(2 * slope, rel=1e-15)


@pytest.mark.parametrize("name", [*NAMES, "softmax", "softmin", "log_softmax"])
def test_not_a_number_stays_one(name):
    """A fault upstream is not covered up."""
    y, _ = make(name).apply((), np.array([[np.nan, 1.0]]))
    assert np.isnan(y[0, 0])


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu", "celu", "selu", "sigmoid", "tanh", "softplus"])
def test_infinities(name):
    y, _ = make(name).apply((), np.array([[-np.inf, np.inf]]))
    at = make(name).apply((), np.array([[-1e5, 1e5]]))[0]
    assert y[0, 0] == (-np.inf if name == "leaky_relu" else at[0, 0])
    assert y[0, 1] == (at[0, 1] if name in ("sigmoid", "tanh") else np.inf)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [*NAMES, "softmax", "softmin", "log_softmax"])
def test_silent_under_any_error_setting(name, dtype):
    """What vanishes on the way does no harm, so nothing is said of it; nothing overflows."""
    x = points(dtype)
    with np.errstate(all="raise"):
        y, vjp = make(name).apply((), x)
        dx = vjp(np.full_like(y, 1e-3))[1]
    assert np.isfinite(y).all()
    assert np.isfinite(dx).all()


def test_celu_has_the_width_of_its_alpha_and_no_kink():
    x = np.array([[-3.0, -0.5, -1e-9, 0.0, 1e-9, 2.0]])
    y, vjp = layers.celu(0.25).apply((), x)
    below = 0.25 * np.expm1(x / 0.25)
    np.testing.assert_allclose(y, np.where(x > 0, x, below), rtol=1e-15)
    np.testing.assert_allclose(vjp(np.ones_like(x))[1], np.where(x > 0, 1, np.exp(x / 0.25)), atol=1e-15)


def test_the_forms_of_gelu_differ_by_less_than_said():
    x = np.linspace(-6, 6, 10_001)[None]
    exact, tanh = (layers.gelu(approximate=form).apply((), x)[0] for form in ("none", "tanh"))
    assert 4e-4 < np.abs(exact - tanh).max() < 5e-4


def test_elu_with_nothing_below_is_relu():
    """Also where the exponential of the branch not taken overflows: 0 · ∞ is no warning."""
    x = np.array([[-1e5, -1.0, 2.0, 1e5]])
    np.testing.assert_array_equal(layers.elu(0.0).apply((), x)[0], layers.relu().apply((), x)[0])


@pytest.mark.parametrize("name", [*NAMES, "softmax", "softmin", "log_softmax"])
def test_memory_order_is_kept(name):
    """Batch last in memory in, batch last out, both ways: the next layer counts on it."""
    x = np.moveaxis(rng.normal(rng.key(0), (3, 4, 5, 7)), -1, 0)
    dy = np.moveaxis(rng.normal(rng.key(1), (3, 4, 5, 7)), -1, 0)
    y, vjp = make(name).apply((), x)
    assert y.strides == vjp(dy)[1].strides == x.strides


def test_fractions_stay_fractions():
    x = np.array([[Fraction(-1, 3), Fraction(0), Fraction(2, 3)]])
    y, vjp = layers.leaky_relu(Fraction(1, 7)).apply((), x)
    assert y.tolist() == [[Fraction(-1, 21), 0, Fraction(2, 3)]]
    assert vjp(x)[1].tolist() == [[Fraction(-1, 21), 0, Fraction(2, 3)]]
    assert layers.relu().apply((), x)[0].tolist() == [[0, 0, Fraction(2, 3)]]


@pytest.mark.parametrize(
    ("make", "left", "right"), [(layers.relu, 0.0, 1.0), (lambda: layers.leaky_relu(0.5), 0.5, 1.0)]
)
def test_rectifiers_of_complex_numbers_look_at_the_real_part(make, left, right):
    x = np.array([[0.5 + 2j, 1e-9 - 1j, -1e-9 + 2j, -3.0 + 1j]])
    slope = np.array([right, right, left, left])
    y, vjp = make().apply((), x)
    np.testing.assert_array_equal(y, slope * x)
    np.testing.assert_array_equal(vjp(np.ones_like(x))[1], [slope])


@pytest.mark.parametrize("name", NAMES)
def test_complex_steps_keep_the_side_of_the_kink(name):
    """An imaginary step at 0 follows the derivative chosen there; elsewhere the value is the real one."""
    net = make(name)
    x = np.array([[-1.5, 0.0, 1.5]])
    y, vjp = net.apply((), x)
    stepped, _ = net.apply((), x + 1e-30j)
    np.testing.assert_allclose(stepped.real, y, rtol=1e-15, atol=1e-50)
    np.testing.assert_allclose(stepped.imag / 1e-30, vjp(np.ones_like(x))[1], rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.leaky_relu("steep"), r"slope: expected a finite number, got 'steep'"),
        (lambda: layers.leaky_relu(np.inf), r"slope: expected a finite number, got inf"),
        (lambda: layers.celu(0), r"alpha: expected a number in \(0, inf\], got 0.0"),
        (lambda: layers.gelu(approximate="erf"), r"approximate: expected 'none' or 'tanh', got 'erf'"),
        (lambda: layers.elu(-1), r"alpha: expected a number in \[0, inf\], got -1.0"),
    ],
)
def test_bad_settings(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_settings_may_be_numpy_scalars_without_promoting():
    y, _ = layers.leaky_relu(np.float64(0.1)).apply((), np.array([[-1.0]], np.float32))
    assert y.dtype == np.float32
