"""Geometry, memory order and columns, each against its definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet.kernels import affine, moments, order, pooling, windows
from tests.kernels.arrays import ORDERS, floats

sizes = st.integers(1, 7)


@settings(derandomize=True)
@given(sizes, sizes, st.integers(1, 4), st.integers(0, 3), st.integers(0, 3))
def test_taps_meet_the_image_where_the_definition_says(size, kernel, stride, before, after):
    axis = windows.Axis(size, min(kernel, size + before + after), stride, before, after)
    inside = [
        (j, o, o * stride + j - before)
        for j in range(axis.kernel)
        for o in range(axis.out)
        if 0 <= o * stride + j - before < size
    ]
    met = [
        (j, o, i)
        for j in range(axis.kernel)
        for o, i in zip(range(axis.out)[axis.taps[j][0]], range(size)[axis.taps[j][1]], strict=True)
    ]
    assert met == inside


def test_memory_orders():
    x = floats(0, (3, 2, 4, 5))
    for name, lay in ORDERS.items():
        z = order.batch_last(lay(x))
        assert z.flags.c_contiguous
        assert (order.batch_first(z) == x).all()
        assert np.shares_memory(z, order.batch_first(z))
        laid = order.laid_like(np.ascontiguousarray(x), lay(x))
        assert (laid == x).all()
        assert name in ("spread", "backwards") or laid.strides == lay(x).strides


def test_rows_that_clash_in_the_cache_are_turned_alike():
    for shape in ((16, 1024), (64, 3, 256), (40, 3072)):
        x = floats(0, shape).astype(np.float32)
        z = order.batch_last(x)
        assert z.flags.c_contiguous
        assert (z == np.moveaxis(x, 0, -1)).all()
        last = order.laid_last(x)
        assert (last == x).all()
        assert np.shares_memory(last, order.laid_last(last))


def test_memory_order_is_taken_over_and_dtype_is_not():
    x, other = floats(0, (3, 2)).astype(np.float32), np.zeros((2, 3)).T
    laid = order.laid_like(x, other)
    assert laid.dtype == np.float32
    assert laid.strides == (4, 12)
    assert (laid == x).all()


def test_affine_in_both_orders():
    x, weight, bias, dy = floats(0, (4, 3)), floats(1, (3, 2)), floats(2, (2,)), floats(3, (4, 2))
    for lay in (np.ascontiguousarray, np.asfortranarray):
        y = affine.affine_map(lay(x), weight, bias)
        np.testing.assert_allclose(y, np.einsum("nd,dk->nk", x, weight) + bias, rtol=1e-12)
        assert y.strides == lay(y).strides
        dx = affine.affine_input_gradient(dy, weight, like=lay(x))
        np.testing.assert_allclose(dx, np.einsum("nk,dk->nd", dy, weight), rtol=1e-12)
        assert dx.strides == lay(x).strides
        np.testing.assert_allclose(affine.affine_weight_gradient(lay(x), dy), np.einsum("nd,nk->dk", x, dy), rtol=1e-12)


@pytest.mark.parametrize("lay", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_sums_by_channel_in_every_order_and_dtype(dtype, lay):
    x, w = (floats(i, (3, 2, 4, 5)).astype(dtype) for i in (0, 1))
    if np.iscomplexobj(x):
        x += 1j * floats(2, x.shape).astype(x.real.dtype)
    tolerance, x = 100 * np.finfo(dtype).eps, lay(x)
    centred, mean, variance = moments.moments(x)
    away = x - x.mean((0, 2, 3))[:, None, None]
    for got, want in (
        (moments.channel_sum(x), x.sum((0, 2, 3))),
        (moments.channel_dot(x, lay(w)), (x * w).sum((0, 2, 3))),
        (mean, x.mean((0, 2, 3))),
        (centred, away),
        (variance, (away * away).mean((0, 2, 3))),  # no absolute value: what a complex step needs
    ):
        assert got.dtype == dtype
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)


def test_moments_by_numpy():
    x = floats(0, (3, 2, 4, 5))
    for lay in ORDERS.values():
        centred, mean, variance = moments.moments(lay(x))
        np.testing.assert_allclose(mean, x.mean((0, 2, 3)), rtol=1e-12)
        np.testing.assert_allclose(variance, x.var((0, 2, 3)), rtol=1e-12)
        np.testing.assert_allclose(centred, x - x.mean((0, 2, 3))[:, None, None], rtol=1e-12)


@pytest.mark.parametrize(
    "axis",
    [
        windows.Axis(6, 2, 2),
        windows.Axis(6, 3, 3),
        windows.Axis(6, 3, 2),
        windows.Axis(7, 2, 2),
        windows.Axis(5, 2, 2, 1),
        windows.Axis(6, 2, 2, 0, 1),
        windows.Axis(4, 1, 1),
    ],
    ids=str,
)
def test_windows_tile_an_image_if_each_element_lies_in_exactly_one(axis):
    read = [o * axis.stride + j - axis.before for o in range(axis.out) for j in range(axis.kernel)]
    assert pooling._tiles(axis) == (sorted(read) == list(range(axis.size)) and axis.padded == axis.size)
