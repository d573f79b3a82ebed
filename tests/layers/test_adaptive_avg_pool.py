"""Means of as many regions as are asked for, against loops over them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import layers
from fnnet.errors import ConfigError, ShapeError
from tests.kernels.arrays import fractions
from tests.oracles import pool

sizes = st.integers(1, 3).flatmap(
    lambda dims: st.lists(st.tuples(st.integers(1, 6), st.integers(1, 4)), min_size=dims, max_size=dims)
)


@settings(derandomize=True, deadline=None, max_examples=30)
@given(sizes)
def test_agrees_with_loops(sizes):
    """More outputs than elements too."""
    shape, size = zip(*sizes, strict=True)
    net, x = layers.adaptive_avg_pool(size), fractions(1, (1, 2, *shape))
    found = pool.regions(shape, size)
    y, vjp = net.apply((), x)
    assert y.shape == (1, *net.shape((2, *shape)))
    assert (y == pool.mean(x, found, True)).all()
    dy = fractions(2, y.shape)
    assert (vjp(dy)[1] == pool.mean_gradient(x, dy, found, True)).all()


def test_by_hand():
    """Of five elements two regions share the third."""
    y, vjp = layers.adaptive_avg_pool(2).apply((), np.array([[[1.0, 2.0, 9.0, 4.0, 5.0]]]))
    assert y.tolist() == [[[4, 6]]]
    assert vjp(np.array([[[3.0, 6.0]]]))[1].tolist() == [[[1, 1, 3, 2, 2]]]


def test_bad_sizes_and_misfits():
    with pytest.raises(ConfigError, match="size: expected a whole number ≥ 1, got 0"):
        layers.adaptive_avg_pool((2, 0))
    with pytest.raises(
        ConfigError, match=r"size: expected a whole number, or one for each of 1, 2 or 3 axes, got \(\)"
    ):
        layers.adaptive_avg_pool(())
    with pytest.raises(ShapeError, match=r"input: expected images \(N, C, H, W\), got \(N, 3, 8\)"):
        layers.adaptive_avg_pool((2, 2)).shape((3, 8))
    with pytest.raises(ShapeError, match=r"expected signals .*, images .* or volumes .*, got \(N, 3\)"):
        layers.adaptive_avg_pool(2).shape((3,))
