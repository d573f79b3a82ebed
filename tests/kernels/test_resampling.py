"""Matrices that are 0 far from the diagonal, in blocks: against whole ones, and how they grow."""

import numpy as np
import pytest

from fnnet import layers, rng
from fnnet.kernels.resampling import TOGETHER, both_ways, in_blocks, resampled, resampled_adjoint, resampling
from tests.memory import at_most

FLOAT64 = np.dtype(np.float64)


def whole(blocks, size):
    """The matrix that blocks stand for."""
    rows = [np.pad(weights, ((0, 0), (first, size - first - weights.shape[1]))) for first, weights in blocks]
    return np.concatenate(rows)


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("cubic", [False, True])
def test_blocks_are_the_matrix_and_its_transpose(cubic, aligned, axis):
    blocks = resampling(70, 3, cubic, aligned, FLOAT64)
    matrix = whole(blocks, 70)
    assert [len(weights) for _, weights in blocks] == [TOGETHER, TOGETHER, TOGETHER, 210 - 3 * TOGETHER]
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-15)
    x = rng.normal(rng.key(1), (2, 70, 70), dtype=np.float64)
    y = resampled(x, blocks, axis)
    np.testing.assert_allclose(y, np.moveaxis(np.tensordot(matrix, x, (1, axis)), 0, axis), atol=1e-14)
    dy = rng.normal(rng.key(2), y.shape, dtype=np.float64)
    assert np.vdot(y, dy) == pytest.approx(np.vdot(x, resampled_adjoint(dy, blocks, axis)), rel=1e-12)


def test_any_matrix_about_the_diagonal_in_blocks():
    down, across = (
        np.triu(np.tril(rng.normal(rng.key(i), (n, n), dtype=np.float64), 5), -9) for i, n in ((0, 150), (1, 40))
    )
    blocks = in_blocks(down)
    assert max(weights.shape[1] for _, weights in blocks) <= TOGETHER + 5 + 9
    assert (whole(blocks, 150) == down).all()
    assert in_blocks(across) == ((0, across),)
    x = rng.normal(rng.key(2), (3, 150, 40), dtype=np.float64)
    np.testing.assert_allclose(both_ways(blocks, x, in_blocks(across)), down @ x @ across.T, atol=1e-12)


def test_memory_grows_with_the_size_and_not_its_square():
    net, x = layers.upsample(2, mode="bilinear"), np.ones((1, 1, 10_000), np.float32)
    net.apply((), x[..., :2])  # which makes what is made once
    with at_most(8 * 2**20):  # the whole matrix would take 800
        y, vjp = net.apply((), x)
        _, dx = vjp(y)
    np.testing.assert_allclose(dx, 2, atol=1e-5)
