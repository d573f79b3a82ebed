import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import layers, rng
from fnnet.errors import ConfigError, ShapeError
from tests.layers.spaces import orders
from tests.layers.test_layer_norm import batches, check


@settings(derandomize=True, deadline=None, max_examples=40)
@given(batches(), st.sampled_from([("gain",), ()]), st.sampled_from([1e-5, 0.5]), st.tuples(orders, orders))
def test_agrees_with_loops(batch, fields, eps, orders_of):
    check(layers.rms_norm, "RmsNorm", *batch, fields, eps, orders_of, centre=False)


def test_of_what_has_no_mean_it_is_a_layer_norm():
    x = rng.normal(rng.key(0), (4, 6))
    x -= x.mean(axis=1, keepdims=True)
    rms, norm = layers.rms_norm(gain=False), layers.layer_norm(gain=False, bias=False)
    (one, one_vjp), (other, other_vjp) = (net.apply(net.init(rng.key(0), (6,)), x) for net in (rms, norm))
    np.testing.assert_allclose(one, other, atol=1e-5)
    dx, without = one_vjp(x**2)[1], other_vjp(x**2)[1]
    np.testing.assert_allclose(dx - dx.mean(axis=1, keepdims=True), without, atol=1e-5)


def test_nothing_stays_nothing():
    x = np.zeros((2, 3), np.float32)
    with np.errstate(all="raise"):
        y, vjp = layers.rms_norm().apply(layers.rms_norm().init(rng.key(0), (3,)), x)
        vjp(np.ones_like(x))
    assert not y.any()


def test_misfits_say_what_is_wrong():
    with pytest.raises(ConfigError, match="axes: expected an axis"):
        layers.rms_norm(axes=0)
    with pytest.raises(ConfigError, match="eps: expected a number"):
        layers.rms_norm(eps=0)
    with pytest.raises(ShapeError, match="with the axes 3 beside that of the batch, got one with 2 axes"):
        layers.rms_norm(axes=3).shape((5,))
