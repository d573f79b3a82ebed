"""`reverse`: time turned round."""

import numpy as np
import pytest

from fnnet import layers
from fnnet.errors import DataError, DtypeError, ShapeError
from fnnet.types import Discrete
from tests.layers.sequences import LENGTHS, pulled, sequences


def loop(xs, lengths):
    y = np.zeros_like(xs)
    for n, length in enumerate(lengths):
        for t in range(length):
            y[n, t] = xs[n, length - 1 - t]
    return y


@pytest.mark.parametrize("features", [(), (2,), (2, 3)])
def test_against_a_loop(features):
    xs = sequences(*features)
    y, dy, _, (dx, hole) = pulled(layers.reverse(), (), (xs, LENGTHS))
    np.testing.assert_array_equal(y, loop(xs, LENGTHS))
    np.testing.assert_array_equal(dx, loop(dy, LENGTHS))
    assert hole is None
    y, dy, _, dx = pulled(layers.reverse(), (), xs)
    np.testing.assert_array_equal(y, loop(xs, [4, 4, 4]))
    np.testing.assert_array_equal(dx, loop(dy, [4, 4, 4]))


def test_what_stands_behind_the_end_may_be_anything():
    xs = sequences(2)
    xs[1, 1:] = np.nan
    y, _ = layers.reverse().apply((), (xs, LENGTHS))
    np.testing.assert_array_equal(y, loop(np.nan_to_num(xs), LENGTHS))


@pytest.mark.parametrize("make", [layers.reverse, layers.last, layers.mean_over])
@pytest.mark.parametrize(
    ("lengths", "error", "message"),
    [
        ([3, 0, 4], DataError, r"x\[1\]: expected lengths from 1 to T = 4, got 0 at example 1; leave sequences"),
        ([3, 1, 5], DataError, r"x\[1\]: expected lengths from 1 to T = 4, got 5 at example 2"),
        ([-1, 1, 4], DataError, r"x\[1\]: expected lengths from 1 to T = 4, got -1 at example 0"),
        ([True, True, True], DtypeError, r"x\[1\]: expected lengths, whole numbers, got booleans"),
    ],
)
def test_lengths_that_are_none(make, lengths, error, message):
    with pytest.raises(error, match=rf"^{make().name}: {message}"):
        make().apply((), (sequences(2), np.array(lengths)))


@pytest.mark.parametrize("make", [layers.reverse, layers.last])
def test_shapes_that_are_none(make):
    name = make().name
    with pytest.raises(ShapeError, match=rf"^{name}: x: expected xs \(N, T, …\), or \(xs, lengths\) .*, got a tuple"):
        make().shape(((4, 2), Discrete((4,))))
    with pytest.raises(ShapeError, match=rf"^{name}: x: expected xs \(N, T, …\), or \(xs, lengths\)"):
        make().shape(((4, 2), (4, 2)))
    with pytest.raises(ShapeError, match=rf"^{name}: xs: expected sequences \(N, T, …\), got \(N,\)"):
        make().shape(())
    with pytest.raises(DtypeError, match=rf"^{name}: xs: expected floats, got whole numbers"):
        make().shape(Discrete((4,)))
    with pytest.raises(ShapeError, match=rf"^{name}: xs: expected one array, got a tuple of 2"):
        make().shape((((4, 2), (4,)), Discrete(())))
