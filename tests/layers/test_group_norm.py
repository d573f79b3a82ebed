import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import layers, rng, tree
from fnnet.errors import ConfigError, ShapeError
from fnnet.kernels.order import laid_last
from tests.kernels.arrays import floats
from tests.layers.spaces import laid, orders
from tests.oracles import norms as oracle

KEY = rng.key(0)
FIELDS = {"gain": 1, "bias": 2}
fields = st.sampled_from([("gain", "bias"), ("gain",), ("bias",), ()])
orders_of_both = st.tuples(orders, orders)


def check(make, record, shape, groups, fields, eps, orders_of):
    net = make(eps=eps, **{field: field in fields for field in FIELDS})
    channel = np.indices(shape)[1]
    member = np.indices(shape)[0] * groups + channel // (shape[1] // groups)
    params = tree.record(record, fields)(*(floats(FIELDS[field], shape[1:2]) for field in fields))
    x, dy = 3 + floats(4, shape), floats(5, shape)
    gain = params.gain[channel] if "gain" in fields else np.ones(shape)
    bias = params.bias[channel] if "bias" in fields else np.zeros(shape)
    y, vjp = net.apply(params, laid(x, orders_of[0]))
    dparams, dx = vjp(laid(dy, orders_of[1]))
    hat, _ = oracle.standard(x, member, eps)
    np.testing.assert_allclose(y, gain * hat + bias, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(dx, oracle.standard_gradient(x, member, gain * dy, eps), rtol=1e-9, atol=1e-9)
    for field, parts in (("gain", dy * hat), ("bias", dy)):
        if field in fields:
            wanted = [parts[:, c].sum() for c in range(shape[1])]
            np.testing.assert_allclose(getattr(dparams, field), wanted, rtol=1e-9, atol=1e-9)


@st.composite
def batches(draw):
    """(shape, groups) with more than one value in each group."""
    groups, each = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    rest = draw(st.lists(st.integers(1, 4), max_size=2))
    if each * np.prod(rest) == 1:
        each = 2
    return (draw(st.integers(1, 3)), groups * each, *rest), groups


@settings(derandomize=True, deadline=None, max_examples=60)
@given(batches(), fields, st.sampled_from([1e-5, 0.5]), orders_of_both)
def test_agrees_with_loops(batch, fields, eps, orders_of):
    shape, groups = batch
    check(lambda **options: layers.group_norm(groups, **options), "GroupNorm", shape, groups, fields, eps, orders_of)


def test_one_group_of_features_is_a_layer_norm():
    x = rng.normal(KEY, (4, 6))
    one, other = layers.group_norm(1), layers.layer_norm()
    params = (floats(0, (6,)).astype(np.float32), floats(1, (6,)).astype(np.float32))
    y, vjp = one.apply(tree.record("GroupNorm", ("gain", "bias"))(*params), x)
    wanted, wanted_vjp = other.apply(tree.record("LayerNorm", ("gain", "bias"))(*params), x)
    np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(vjp(x)[1], wanted_vjp(x)[1], rtol=1e-4, atol=1e-5)


def test_what_lies_batch_last_stays_so():
    """As convolution leaves its images; long runs and short ones."""
    for size in (1, 3, 4, 16):
        x = np.moveaxis(rng.normal(KEY, (4, size, size, 5)), -1, 0)
        params = layers.group_norm(2).init(KEY, (4, size, size))
        y, vjp = layers.group_norm(2).apply(params, x)
        dx = vjp(y)[1]
        plain, plain_vjp = layers.group_norm(2).apply(params, np.ascontiguousarray(x))
        np.testing.assert_allclose(y, plain, atol=1e-5)
        np.testing.assert_allclose(dx, plain_vjp(plain)[1], atol=1e-4)
        if size > 1:
            assert y.strides == dx.strides == x.strides


def test_large_means_do_not_hurt():
    x = np.float32(1e4) + np.array([-1, 1] * 300, np.float32).reshape(1, 2, 300)
    y, _ = layers.group_norm(1).apply(layers.group_norm(1).init(KEY, (2, 300)), x)
    np.testing.assert_allclose(np.abs(y), 1, rtol=3e-3)


def test_large_and_small_means_side_by_side_are_nothing_that_one_sees(monkeypatch):
    """An example with a large mean goes another way; what is beside it in the batch changes no byte of the others."""
    for lay in (np.ascontiguousarray, laid_last):
        x, dy = (lay(rng.normal(rng.fold_in(KEY, i), (5, 4, 6))) for i in range(2))
        net = layers.group_norm(2)
        params = tree.record("GroupNorm", ("gain", "bias"))(*rng.normal(KEY, (2, 4)))
        y, vjp = net.apply(params, x)
        (dgain, dbias), dx = vjp(dy)
        moved = x + np.array([0, 1e3, 0, 0, -40], np.float32).reshape(-1, 1, 1)
        with np.errstate(all="raise"):
            y_moved, vjp_moved = net.apply(params, moved)
            grads, dx_moved = vjp_moved(dy)
        assert (y_moved[[0, 2, 3]] == y[[0, 2, 3]]).all()
        assert (dx_moved[[0, 2, 3]] == dx[[0, 2, 3]]).all()
        np.testing.assert_allclose(y_moved, y, atol=1e-3)
        np.testing.assert_allclose(dx_moved, dx, atol=1e-3)
        np.testing.assert_allclose(grads.gain, dgain, atol=1e-3)
        monkeypatch.setattr("fnnet.kernels.standard._TOGETHER", 13)
        parts, parts_vjp = net.apply(params, moved)
        np.testing.assert_allclose(parts, y_moved, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(parts_vjp(dy)[0].bias, dbias, rtol=1e-5, atol=1e-6)
        monkeypatch.undo()


def test_what_does_not_vary_becomes_the_bias():
    for value in (1e-25, 1.0, 1e25):
        x = np.full((2, 4, 3), value, np.float32)
        with np.errstate(all="raise"):
            y, vjp = layers.group_norm(2).apply(layers.group_norm(2).init(KEY, (4, 3)), x)
            vjp(np.ones_like(x))
        assert not y.any() or value == 1e25


def test_misfits_say_what_is_wrong():
    with pytest.raises(ConfigError, match="groups: expected a whole number ≥ 1, got 0"):
        layers.group_norm(0)
    with pytest.raises(ConfigError, match="bias: expected True or False"):
        layers.group_norm(2, bias=None)
    with pytest.raises(ShapeError, match=r"\(N, C, …\) with channels that 4 groups divide, got \(N, 6, 2\)"):
        layers.group_norm(4).shape((6, 2))
    with pytest.raises(ShapeError, match=r"with channels that 4 groups divide, got \(N,\)"):
        layers.group_norm(4).shape(())
    with pytest.raises(ShapeError, match=r"more than one value to normalise together, got one, of \(N, 4\)"):
        layers.group_norm(4).shape((4,))
    params = layers.group_norm(2).init(KEY, (4, 2))
    with pytest.raises(ShapeError, match=r"gain: expected \(6,\), got \(4,\)"):
        layers.group_norm(2).apply(params, np.ones((1, 6, 2), np.float32))
