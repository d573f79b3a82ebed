import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import layers, rng, tree
from fnnet.errors import ConfigError, ShapeError
from tests.kernels.arrays import floats
from tests.layers.spaces import laid, orders
from tests.oracles import norms as oracle

KEY = rng.key(0)
FIELDS = {"gain": 1, "bias": 2}


def together(shape, axes):
    """For every number of a batch the number of its set, and of its gain."""
    axes = {axis % len(shape) for axis in (axes if isinstance(axes, tuple) else (axes,))}
    grid = np.indices(shape)
    apart = [axis for axis in range(len(shape)) if axis not in axes]

    def numbered(own):
        return np.ravel_multi_index([grid[a] for a in own], [shape[a] for a in own]) if own else grid[0] * 0

    return numbered(apart), numbered(sorted(axes))


WAYS = {"few rows": 2**30, "many rows": 0}  # numbers below which rows are gone over without blocks


def check(*case, **centre):
    for few in WAYS.values():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("fnnet.kernels.standard._FEW", few)
            check_one_way(*case, **centre)


def check_one_way(make, record, shape, axes, fields, eps, orders_of, centre):
    x_order, dy_order = orders_of
    net = make(axes=axes, eps=eps, **{field: field in fields for field in FIELDS if centre or field == "gain"})
    member, own = together(shape, axes)
    sizes = tuple(shape[axis] for axis in sorted({a % len(shape) for a in np.atleast_1d(axes)}))
    params = tree.record(record, fields)(*(floats(FIELDS[field], sizes) for field in fields))
    x, dy = 3 + floats(4, shape), floats(5, shape)
    gain = params.gain.ravel()[own] if "gain" in fields else np.ones(shape)
    bias = params.bias.ravel()[own] if "bias" in fields else np.zeros(shape)
    y, vjp = net.apply(params, laid(x, x_order))
    dparams, dx = vjp(laid(dy, dy_order))
    hat, _ = oracle.standard(x, member, eps, centre)
    np.testing.assert_allclose(y, gain * hat + bias, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(dx, oracle.standard_gradient(x, member, gain * dy, eps, centre), rtol=1e-9, atol=1e-9)
    for field, parts in (("gain", dy * hat), ("bias", dy)):
        if field in fields:
            wanted = [parts[own == place].sum() for place in range(own.max() + 1)]
            np.testing.assert_allclose(getattr(dparams, field).ravel(), wanted, rtol=1e-9, atol=1e-9)
            assert getattr(dparams, field).shape == sizes


@st.composite
def batches(draw):
    shape = draw(st.lists(st.integers(1, 4), min_size=2, max_size=4).map(tuple))
    axes = draw(st.sets(st.integers(1, len(shape) - 1), min_size=1).map(tuple))
    signs = draw(st.tuples(*(st.booleans() for _ in axes)))
    return shape, tuple(axis - len(shape) if low else axis for axis, low in zip(axes, signs, strict=True))


fields = st.sampled_from([("gain", "bias"), ("gain",), ("bias",), ()])


@settings(derandomize=True, deadline=None, max_examples=60)
@given(batches(), fields, st.sampled_from([1e-5, 0.5]), st.tuples(orders, orders))
def test_agrees_with_loops(batch, fields, eps, orders_of):
    shape, axes = batch
    if np.prod([shape[axis] for axis in axes]) > 1:
        check(layers.layer_norm, "LayerNorm", shape, axes, fields, eps, orders_of, centre=True)


def test_blocks_of_rows_are_nothing_that_one_sees(monkeypatch):
    """Rows are normalised alone, whatever else is in the batch; gradients of the params are sums over blocks."""
    x, dy = floats(0, (7, 5)), floats(1, (7, 5))
    params = tree.record("LayerNorm", ("gain", "bias"))(floats(2, (5,)), floats(3, (5,)))
    monkeypatch.setattr("fnnet.kernels.standard._FEW", 0)
    (y, vjp), whole = layers.layer_norm().apply(params, x), layers.layer_norm()
    (dgain, dbias), dx = vjp(dy)
    monkeypatch.setattr("fnnet.kernels.standard._TOGETHER", 11)
    parts, parts_vjp = whole.apply(params, x)
    (part_gain, part_bias), part_dx = parts_vjp(dy)
    for got, want in ((parts, y), (part_dx, dx), (part_gain, dgain), (part_bias, dbias)):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("way", WAYS)
def test_large_means_do_not_hurt(way, monkeypatch):
    """The variance of 1e4 ± 1 in float32, where E[x²] - E[x]² has no digit left."""
    monkeypatch.setattr("fnnet.kernels.standard._FEW", WAYS[way])
    x = np.float32(1e4) + np.array([[-1, 1] * 300], np.float32)
    y, _ = layers.layer_norm().apply(layers.layer_norm().init(KEY, (600,)), x)
    np.testing.assert_allclose(np.abs(y), 1, rtol=3e-3)


def test_few_and_many_rows_are_as_right():
    """In float32, against rows in float64; rows with large means are beside others, and change no byte of them."""
    x, dy = rng.normal(KEY, (600, 64)), rng.normal(rng.key(1), (600, 64))
    params = tree.record("LayerNorm", ("gain", "bias"))(*rng.normal(rng.key(2), (2, 64)))
    moved = x + np.where(np.arange(600) % 7 == 0, np.float32(30), 0)[:, None].astype(np.float32)
    made = []
    for batch in (x, moved):
        wide, wide_vjp = layers.layer_norm().apply(tree.cast(params, np.float64), batch.astype(np.float64))
        wanted = (wide, wide_vjp(dy.astype(np.float64))[1], *wide_vjp(dy.astype(np.float64))[0])
        found = {}
        for way, few in WAYS.items():
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("fnnet.kernels.standard._FEW", few)
                y, vjp = layers.layer_norm().apply(params, batch)
                found[way] = (y, vjp(dy)[1], *vjp(dy)[0])
            for got, want in zip(found[way], wanted, strict=True):
                assert got.dtype == np.float32
                np.testing.assert_allclose(got, want, rtol=1e-4, atol=2e-5 * np.abs(want).max())
        near = np.arange(600) % 7 > 0
        made.append([part[near] for part in found["many rows"][:2]])
    for got, want in zip(*made, strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("way", WAYS)
def test_what_does_not_vary_becomes_the_bias(way, monkeypatch):
    monkeypatch.setattr("fnnet.kernels.standard._FEW", WAYS[way])
    for value in (0.0, 1.0, 1e-25):
        x = np.full((2, 8), value, np.float32)
        params = layers.layer_norm().init(KEY, (8,))._replace(bias=np.arange(8, dtype=np.float32))
        with np.errstate(all="raise"):
            y, vjp = layers.layer_norm().apply(params, x)
            dx = vjp(np.ones_like(x))[1]
        np.testing.assert_array_equal(y, [np.arange(8)] * 2)
        np.testing.assert_allclose(dx, 0, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_stays(dtype):
    net = layers.layer_norm()
    params = tree.cast(net.init(KEY, (3, 4)), dtype)
    y, vjp = net.apply(params, rng.normal(rng.key(1), (2, 3, 4), dtype))
    dparams, dx = vjp(y)
    assert {a.dtype for a in (y, dx, *dparams)} == {np.dtype(dtype)}


def test_one_axis_may_be_a_number():
    x = floats(0, (2, 3, 4))
    params = tree.record("LayerNorm", ())()
    one, several = (layers.layer_norm(axes=axes, gain=False, bias=False) for axes in (1, (1,)))
    np.testing.assert_array_equal(one.apply(params, x)[0], several.apply(params, x)[0])


def test_misfits_say_what_is_wrong():
    for axes in (0, (0, 1), (), "channels", True, None, 1.5):
        with pytest.raises(ConfigError, match="axes: expected an axis of the batch array or a tuple of them, none"):
            layers.layer_norm(axes=axes)
    for eps in (0, -1, float("nan")):
        with pytest.raises(ConfigError, match=r"eps: expected a number in \(0, inf\]"):
            layers.layer_norm(eps=eps)
    with pytest.raises(ConfigError, match="gain: expected True or False, got 1"):
        layers.layer_norm(gain=1)
    for axes in ((2,), (1, 1), (1, -1), (-2,)):
        with pytest.raises(
            ShapeError, match=r"expected a batch array with the axes .* that of the batch, got one with 2"
        ):
            layers.layer_norm(axes=axes).shape((3,))
    with pytest.raises(ShapeError, match=r"more than one value to normalise together, got one, of \(N, 3, 1\)"):
        layers.layer_norm().shape((3, 1))
    params = layers.layer_norm().init(KEY, (3,))
    with pytest.raises(ShapeError, match=r"gain: expected \(4,\), got \(3,\); make params with this layer's init"):
        layers.layer_norm().apply(params, np.ones((2, 4), np.float32))
