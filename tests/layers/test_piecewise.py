"""Activations made of pieces: exactly, in Fractions, against one line of Python for each; kinks and bad settings."""

from fractions import Fraction

import numpy as np
import pytest

from fnnet import layers, rng
from fnnet.errors import ConfigError
from tests.kernels.arrays import ORDERS

F = Fraction

# the layer, its value and its derivative for one number, and its kinks
ROWS = {
    "hard_tanh": (layers.hard_tanh, lambda x: min(max(x, -1), 1), lambda x: -1 < x < 1, (-1, 1)),
    "hard_tanh lopsided": (
        lambda: layers.hard_tanh(F(1, 2), F(9, 4)),
        lambda x: min(max(x, F(1, 2)), F(9, 4)),
        lambda x: F(1, 2) < x < F(9, 4),
        (F(1, 2), F(9, 4)),
    ),
    "relu6": (layers.relu6, lambda x: min(max(x, 0), 6), lambda x: 0 < x < 6, (0, 6)),
    "hard_sigmoid": (
        lambda: layers.hard_sigmoid(F(1, 6)),
        lambda x: min(max(x / 6 + F(1, 2), 0), 1),
        lambda x: F(1, 6) if -3 < x < 3 else 0,
        (-3, 3),
    ),
    "hard_sigmoid of ONNX": (
        lambda: layers.hard_sigmoid(F(1, 5)),
        lambda x: min(max(x / 5 + F(1, 2), 0), 1),
        lambda x: F(1, 5) if F(-5, 2) < x < F(5, 2) else 0,
        (F(-5, 2), F(5, 2)),
    ),
    "hard_swish": (
        layers.hard_swish,
        lambda x: x * min(max(x + 3, 0), 6) / 6,
        lambda x: 0 if x <= -3 else 1 if x >= 3 else (2 * x + 3) / 6,
        (-3, 3),
    ),
    "hard_shrink": (layers.hard_shrink, lambda x: x if abs(x) > F(1, 2) else 0, lambda x: abs(x) > F(1, 2), ()),
    "soft_shrink": (
        lambda: layers.soft_shrink(F(4, 3)),
        lambda x: x - F(4, 3) if x > F(4, 3) else x + F(4, 3) if x < -F(4, 3) else 0,
        lambda x: abs(x) > F(4, 3),
        (-F(4, 3), F(4, 3)),
    ),
    "threshold": (lambda: layers.threshold(F(3, 4), 2), lambda x: x if x > F(3, 4) else 2, lambda x: x > F(3, 4), ()),
}
DEFAULTS = ["hard_tanh", "relu6", "hard_sigmoid", "hard_swish", "hard_shrink", "soft_shrink"]
POINTS = [F(i, 12) for i in range(-100, 101)]


@pytest.mark.parametrize("name", ROWS)
def test_value_and_derivative_are_exact(name):
    """On a grid that meets every kink; the derivative there is that of the flat side."""
    make, value, slope, _ = ROWS[name]
    x = np.array([POINTS], object)
    y, vjp = make().apply((), x)
    assert y.tolist() == [[value(point) for point in POINTS]]
    assert vjp(np.array([[F(2)] * len(POINTS)], object))[1].tolist() == [[2 * slope(point) for point in POINTS]]
    assert not any(isinstance(number, float) for number in (*y.flat, *vjp(x)[1].flat))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ROWS)
def test_floats_are_right_to_an_ulp_of_their_size(name, dtype):
    make, value, slope, kinks = ROWS[name]
    x = 8 * rng.normal(rng.key(0), (500,), np.float64).astype(dtype)
    x = x[np.abs(x[:, None] - np.array([*kinks, 0], float)).min(axis=1) > 1e-3][None]
    with np.errstate(all="raise"):
        y, vjp = make().apply((), x)
        dx = vjp(np.ones_like(x))[1]
    exact = [F(float(point)) for point in x[0]]
    allowed = 2 * np.finfo(dtype).eps * (1 + np.abs(x))
    assert (np.abs(y - np.array([[float(value(point)) for point in exact]])) <= allowed).all()
    assert (np.abs(dx - np.array([[float(slope(point)) for point in exact]])) <= allowed).all()
    assert y.dtype == dx.dtype == dtype


@pytest.mark.parametrize("name", ROWS)
def test_complex_numbers_are_on_the_side_of_their_real_part(name):
    make, _, _, kinks = ROWS[name]
    x = np.array([[-7.0, -0.3, 0.2, 2.0, 7.0, *map(float, kinks)]])
    y, vjp = make().apply((), x)
    stepped, _ = make().apply((), x + 1e-30j)
    np.testing.assert_allclose(stepped.real, y, rtol=1e-15, atol=1e-50)
    np.testing.assert_allclose(stepped.imag[:, :5] / 1e-30, vjp(np.ones_like(x))[1][:, :5], rtol=1e-14)


@pytest.mark.parametrize("name", ROWS)
def test_not_a_number_stays_one_and_infinities_have_their_limits(name):
    make, value, _, _ = ROWS[name]
    with np.errstate(invalid="ignore"):
        y, _ = make().apply((), np.array([[np.nan, np.inf, -np.inf]]))
    assert np.isnan(y[0, 0])
    assert y[0, 1] == (np.inf if value(F(10**9)) > 10 else value(F(10**9)))
    if name != "hard_swish":  # 0 · -∞
        assert y[0, 2] == (-np.inf if value(F(-(10**9))) < -10 else value(F(-(10**9))))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", ROWS)
def test_memory_order_is_kept(name, order):
    make = ROWS[name][0]
    x = ORDERS[order](rng.normal(rng.key(0), (3, 2, 4, 5), np.float64))
    y, vjp = make().apply((), x)
    assert y.strides == vjp(x)[1].strides == np.positive(x).strides


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults_are_those_of_pytorch(name):
    x = np.array([[-0.75, 0.25, 0.75, 8.0]])
    want = {
        "hard_tanh": [-0.75, 0.25, 0.75, 1],
        "relu6": [0, 0.25, 0.75, 6],
        "hard_sigmoid": [0.375, 0.25 / 6 + 0.5, 0.625, 1],
        "hard_swish": [-0.75 * 0.375, 0.25 * (0.25 / 6 + 0.5), 0.75 * 0.625, 8],
        "hard_shrink": [-0.75, 0, 0.75, 8],
        "soft_shrink": [-0.25, 0, 0.25, 7.5],
    }
    np.testing.assert_allclose(getattr(layers, name)().apply((), x)[0], [want[name]], rtol=1e-15)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.hard_tanh(1, 1), r"low: expected a number below high, 1, got 1"),
        (lambda: layers.hard_tanh("a"), r"low: expected a finite number, got 'a'"),
        (lambda: layers.hard_tanh(0, np.inf), r"high: expected a finite number, got inf"),
        (lambda: layers.hard_sigmoid(0), r"slope: expected a number in \(0, inf\], got 0.0"),
        (lambda: layers.hard_shrink(-1), r"bound: expected a number in \[0, inf\], got -1.0"),
        (lambda: layers.soft_shrink(np.nan), r"bound: expected a number in \[0, inf\], got nan"),
        (lambda: layers.threshold(True), r"at: expected a finite number, got True"),
        (lambda: layers.threshold(0, None), r"value: expected a finite number, got None"),
    ],
)
def test_bad_settings(make, message):
    with pytest.raises(ConfigError, match=message):
        make()
