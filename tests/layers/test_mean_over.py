"""`mean_over`: the mean of the steps that count."""

import numpy as np
import pytest

from fnnet import layers
from fnnet.errors import ConfigError, DtypeError, ShapeError
from fnnet.types import Discrete
from tests.layers.sequences import LENGTHS, pulled, sequences

MASK = np.array([[True, False, True, False], [False, False, False, False], [True, True, True, True]])


def loop(xs, mask):
    """The mean, and what each step gives to it."""
    y, share = np.zeros((len(xs), *xs.shape[2:])), np.zeros(mask.shape)
    for n, row in enumerate(mask):
        counted = [t for t, own in enumerate(row) if own]
        for t in counted:
            y[n] += xs[n, t] / len(counted)
            share[n, t] = 1 / len(counted)
    return y, share


@pytest.mark.parametrize(
    ("second", "mask"), [(LENGTHS, np.arange(4) < LENGTHS[:, None]), (MASK, MASK)], ids=["lengths", "mask"]
)
def test_against_a_loop_whatever_does_not_count(second, mask):
    xs = sequences(2)
    expected, share = loop(xs, mask)
    xs[~mask] = np.nan
    y, dy, _, (dx, hole) = pulled(layers.mean_over(), (), (xs, second))
    np.testing.assert_allclose(y, expected)
    np.testing.assert_allclose(dx, share[:, :, None] * dy[:, None])
    assert hole is None


def test_without_either_it_is_the_mean_along_an_axis():
    xs = sequences(2, 5)
    for axis in (1, 2, 3, -1, -2):
        y, dy, _, dx = pulled(layers.mean_over(axis), (), xs)
        np.testing.assert_allclose(y, xs.mean(axis=axis))
        np.testing.assert_allclose(dx, np.broadcast_to(np.expand_dims(dy, axis) / xs.shape[axis], xs.shape))
        assert layers.mean_over(axis).shape(xs.shape[1:]) == y.shape[1:]


def test_a_mask_along_another_axis():
    xs = sequences(2).transpose(0, 2, 1)
    y, _ = layers.mean_over(2).apply((), (xs, MASK))
    np.testing.assert_allclose(y, loop(xs.transpose(0, 2, 1), MASK)[0])


def test_what_is_refused():
    mean = layers.mean_over()
    with pytest.raises(ConfigError, match="axis: expected a whole number other than 0"):
        layers.mean_over(0)
    with pytest.raises(ShapeError, match=r"x: expected a batch array with axis 3 beside the batch axis, got \(N, 4\)"):
        layers.mean_over(3).shape((4,))
    with pytest.raises(ShapeError, match=r"x\[1\]: expected lengths \(N,\), or a mask \(N, 4\), got \(N, 3\)"):
        mean.shape(((4, 2), Discrete((3,))))
    with pytest.raises(ShapeError, match=r"x: expected xs, \(xs, lengths\) or \(xs, mask\), got a tuple"):
        mean.shape(((4, 2), Discrete(()), Discrete((4,))))
    with pytest.raises(
        DtypeError, match=r"x\[1\]: expected lengths .* or a mask .*, got floats; a mask is of booleans"
    ):
        mean.apply((), (sequences(2), MASK.astype(float)))
    with pytest.raises(DtypeError, match=r"x\[1\]: expected a mask of booleans, got int64; cast with"):
        mean.apply((), (sequences(2), MASK.astype(np.int64)))
    for shape, part in ((Discrete((4,)), "x"), ((Discrete((4,)), Discrete(())), r"x\[0\]")):
        with pytest.raises(DtypeError, match=rf"{part}: expected floats, got whole numbers"):
            mean.shape(shape)
