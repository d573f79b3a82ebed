"""A trained slope: against loops, its options and errors."""

import numpy as np
import pytest

from fnnet import layers, rng, tree
from fnnet.errors import ConfigError, ShapeError
from fnnet.optim import is_weight
from tests.kernels.arrays import ORDERS


def by_loops(x, slope, dy):
    y, dx, da = np.empty_like(x), np.empty_like(x), np.zeros_like(slope)
    for index in np.ndindex(x.shape):
        c = index[1] if len(slope) > 1 else 0
        y[index] = x[index] if x[index] > 0 else slope[c] * x[index]
        dx[index] = dy[index] if x[index] > 0 else slope[c] * dy[index]
        da[c] += dy[index] * min(x[index], 0)
    return y, dx, da


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 5), (2, 3, 2, 4)])
def test_against_loops(shape, shared, order):
    x, dy = (rng.normal(rng.key(seed), shape, np.float64) for seed in (0, 1))
    slope = np.array([0.3]) if shared else np.array([0.3, -1.5, 2.0])
    if len(shape) == 4:
        x, dy = ORDERS[order](x), ORDERS[order](dy)
    net = layers.prelu(shared=shared)
    params = net.init(rng.key(0), shape[1:])._replace(slope=slope)
    y, vjp = net.apply(params, x)
    (da,), dx = vjp(dy)
    for got, want in zip((y, dx, da), by_loops(x, slope, dy), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-13)
    assert y.strides == dx.strides == np.positive(x).strides


def test_it_begins_as_a_leaky_relu():
    x = np.array([[-2.0, 0.0, 3.0]], np.float32)
    for start in (0.25, -0.5):
        net = layers.prelu(start)
        y, vjp = net.apply(net.init(rng.key(0), (3,)), x)
        want, pull = layers.leaky_relu(start).apply((), x)
        np.testing.assert_array_equal(y, want)
        np.testing.assert_array_equal(vjp(y)[1], pull(y)[1])


def test_weight_decay_passes_it_by():
    params = layers.prelu().init(rng.key(0), (3,))
    assert tree.paths(params) == ["slope"]
    assert not is_weight("slope", params.slope)


def test_not_a_number_stays_one_and_infinity_too():
    net = layers.prelu()
    y, _ = net.apply(net.init(rng.key(0), (3,)), np.array([[np.nan, np.inf, -np.inf]], np.float32))
    assert np.isnan(y[0, 0])
    assert y[0, 1:].tolist() == [np.inf, -np.inf]


def test_errors():
    with pytest.raises(ConfigError, match="slope: expected a finite number, got inf"):
        layers.prelu(np.inf)
    with pytest.raises(ConfigError, match="shared: expected True or False, got 1"):
        layers.prelu(shared=1)
    with pytest.raises(ShapeError, match=r"prelu: input: expected \(N, C, …\), got \(N,\)"):
        layers.prelu().init(rng.key(0), ())
    params = layers.prelu().init(rng.key(0), (3,))
    with pytest.raises(ShapeError, match=r"slope: expected \(2,\), one for each channel of x, got \(3,\)"):
        layers.prelu().apply(params, np.ones((1, 2), np.float32))
    with pytest.raises(ShapeError, match=r"slope: expected \(1,\), got \(3,\)"):
        layers.prelu(shared=True).apply(params, np.ones((1, 3), np.float32))
