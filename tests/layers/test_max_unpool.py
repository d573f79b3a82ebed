"""The places of maxima, and values put back there."""

import numpy as np
import pytest
from hypothesis import given, settings

from fnnet import layers
from fnnet.arrays import Discrete
from fnnet.errors import ConfigError, DataError, DtypeError, ShapeError
from tests.kernels.arrays import floats, small_integers
from tests.layers.spaces import pools
from tests.oracles import pool


def places(x, found):
    """Of each window the place of the first of its largest elements, by loops."""
    made = []
    for channel in x.reshape(-1, *x.shape[2:]):
        numbers = np.arange(channel.size).reshape(channel.shape)
        own = pool.largest(channel[None, None], found)
        for o in np.ndindex(own.shape[2:]):
            one = np.zeros(own.shape)
            one[(0, 0, *o)] = 1
            taken = pool.largest_gradient(channel[None, None], one, found)[0, 0]
            made.append(int(numbers[taken != 0][0]))
    return np.array(made)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(pools(2, small_integers))
def test_places_are_those_of_the_first_largest(drawn):
    x, kernel, stride, sides, dilation, ceil = drawn
    net = layers.max_pool(kernel, stride, padding=sides, dilation=dilation, ceil=ceil, indices=True)
    found = pool.windows(x.shape[2:], kernel, stride, sides, dilation, ceil)
    (y, at), vjp = net.apply((), x)
    assert (y == pool.largest(x, found)).all()
    assert at.dtype == np.int64
    assert at.ravel().tolist() == places(x, found).tolist()
    dy = floats(2, y.shape)
    np.testing.assert_allclose(vjp((dy, None))[1], pool.largest_gradient(x, dy, found))


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_what_is_unpooled_are_the_maxima_at_their_places(dims):
    x = floats(1, (2, 3, *(6, 4, 2)[:dims]))
    (y, at), _ = layers.max_pool(2, dims=dims, indices=True).apply((), x)
    again, vjp = layers.max_unpool(2, dims=dims).apply((), (y, at))
    assert again.shape == x.shape
    assert ((again == x) | (again == 0)).all()
    assert sorted(again[again != 0]) == sorted(y.ravel())
    dx = floats(2, x.shape)
    assert (vjp(dx)[1][0] == np.take_along_axis(dx.reshape(2, 3, -1), at.reshape(2, 3, -1), 2).reshape(y.shape)).all()
    assert vjp(dx)[1][1] is None


def test_of_equal_places_the_last_counts():
    y, at = np.array([[[1.0, 2.0, 3.0]]]), np.array([[[1, 1, 0]]])
    x, vjp = layers.max_unpool(2, 1, dims=1).apply((), (y, at))
    assert x.tolist() == [[[3, 2, 0, 0]]]
    assert vjp(np.array([[[5.0, 7.0, 9.0, 9.0]]]))[1][0].tolist() == [[[0, 7, 5]]]


def test_sizes():
    read = ((3, 4, 2), Discrete((3, 4, 2)))
    assert layers.max_unpool(2).shape(read) == (3, 8, 4)
    assert layers.max_unpool(3, 2, padding=1).shape(read) == (3, 7, 3)
    assert layers.max_unpool(3, (2, 1), padding=((1, 0), (0, 1))).shape(read) == (3, 8, 3)
    assert layers.max_unpool(2, size=(9, 5)).shape(read) == (3, 9, 5)


@pytest.mark.parametrize(
    ("read", "error", "message"),
    [
        ((2, 4), ShapeError, r"x: expected \(x, places\), as max_pool\(…, indices=True\) gives, got one array"),
        (((2, 4), (2, 4)), DtypeError, r"x\[1\]: expected places, whole numbers, got floats"),
        ((Discrete((2, 4)), Discrete((2, 4))), DtypeError, r"x\[0\]: expected floats, got whole numbers"),
        (((2, 4), Discrete((2, 3))), ShapeError, r"x\[1\]: expected a place for each value, \(N, 2, 4\), got"),
        (((2, 4, 4), Discrete((2, 4, 4))), ShapeError, r"x\[0\]: expected \(N, C, …\) with 1 axes behind"),
        (((1,), (2,), (3,)), ShapeError, "x: expected"),
    ],
)
def test_what_it_does_not_read(read, error, message):
    with pytest.raises(error, match=message):
        layers.max_unpool(2, dims=1).shape(read)


def test_wrong_places_and_options():
    net, y = layers.max_unpool(2, dims=1), np.ones((1, 1, 2))
    for wrong in ([[[0, 4]]], [[[-1, 0]]]):
        with pytest.raises(DataError, match=r"x\[1\]: expected places from 0 to 3 in channels .*; say size="):
            net.apply((), (y, np.array(wrong)))
    with pytest.raises(DtypeError, match=r"x\[1\]: expected places, whole numbers, got booleans"):
        net.apply((), (y, np.array([[[True, False]]])))
    with pytest.raises(ConfigError, match="padding: expected less than what is unpooled, got 3"):
        layers.max_unpool(2, padding=3, dims=1).shape(((1, 2), Discrete((1, 2))))
    with pytest.raises(ConfigError, match="size"):
        layers.max_unpool(2, size=0)
    with pytest.raises(ConfigError, match="indices: expected True or False"):
        layers.max_pool(2, indices=1)
