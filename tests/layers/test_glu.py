"""Halves and gates: against the formula of each, memory order, errors."""

import numpy as np
import pytest

from fnnet import layers, rng
from fnnet.errors import ConfigError, ShapeError
from tests.kernels.arrays import ORDERS
from tests.oracles.activations import FORMULAS

GATES = {
    **{name: FORMULAS[name] for name in ("sigmoid", "gelu", "silu", "relu", "tanh")},
    "identity": (lambda x: x, lambda x: 1 + 0 * x),
}


@pytest.mark.parametrize("axis", [1, -1])
@pytest.mark.parametrize("gate", GATES)
def test_against_the_formula(gate, axis):
    x = rng.normal(rng.key(0), (3, 4, 6), np.float64)
    y, vjp = layers.glu(gate=gate, axis=axis).apply((), x)
    dy = rng.normal(rng.key(1), y.shape, np.float64)
    a, b = np.split(x.astype(np.longdouble), 2, axis)
    value, slope = GATES[gate]
    np.testing.assert_allclose(y, (a * value(b)).astype(float), rtol=1e-14)
    want = np.concatenate([dy * value(b), dy * a * slope(b)], axis)
    np.testing.assert_allclose(vjp(dy)[1], want.astype(float), rtol=1e-13, atol=1e-15)
    assert vjp(dy, input_gradient=False)[1] is None


@pytest.mark.parametrize("order", ["batch first", "batch last", "channels last"])
def test_memory_order_is_kept(order):
    x = ORDERS[order](rng.normal(rng.key(0), (3, 4, 5, 6)))
    y, vjp = layers.glu(axis=1).apply((), x)
    dx = vjp(y)[1]
    assert dx.strides == x.strides
    assert np.argsort(y.strides).tolist() == np.argsort(np.split(x, 2, 1)[0].copy(order="K").strides).tolist()


def test_silent_under_any_error_setting():
    x = np.array([[1e-30, 1e4, -1e4, 300.0, 1e4, -1e4]], np.float32)
    with np.errstate(all="raise"):
        for gate in GATES:
            y, vjp = layers.glu(gate=gate).apply((), x)
            assert np.isfinite(vjp(np.full_like(y, 1e-12))[1]).all()


def test_errors():
    with pytest.raises(ConfigError, match=r"gate: expected 'sigmoid' or .*'identity', got 'swish'"):
        layers.glu(gate="swish")
    with pytest.raises(ConfigError, match="axis: expected a whole number other than 0"):
        layers.glu(axis=0)
    with pytest.raises(ShapeError, match=r"glu: input: expected two halves along axis -1, got 5 in \(N, 2, 5\)"):
        layers.glu().shape((2, 5))
    with pytest.raises(ShapeError, match="axis 2 beside the batch axis"):
        layers.glu(axis=2).shape((4,))
