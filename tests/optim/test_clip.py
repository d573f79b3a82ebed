"""Clipping: what is bounded, what stays, and that nothing odd is hidden."""

import math

import numpy as np
import pytest

from fnnet import optim, rng, tree
from tests.optim.cases import grads, params


def one(optimizer, *gradients):
    now = tuple(np.zeros_like(g) for g in gradients)
    return optimizer.update(gradients, optimizer.init(now), now)[0]


def test_clip_by_hand():
    (u,) = one(optim.clip(2.0), np.array([-3.0, -2.0, 0.5, np.inf, np.nan]))
    np.testing.assert_array_equal(u, [-2.0, -2.0, 0.5, 2.0, np.nan])


def test_clip_scales_what_follows():
    (u,) = one(optim.chain(optim.clip(2.0), optim.scale_by_factor(10.0)), np.array([-3.0, 0.5]))
    np.testing.assert_array_equal(u, [-20.0, 5.0])


def test_global_norm_by_hand():
    """‖(2, 3, 6)‖ = 7."""
    u, v = one(optim.clip_by_global_norm(3.5), np.array([2.0, 3.0]), np.array([[6.0]]))
    np.testing.assert_allclose([*u, *v.ravel()], [1.0, 1.5, 3.0], rtol=1e-15)


def test_short_updates_pass_unchanged():
    gradients = np.array([2.0, 3.0], np.float32), np.array([[6.0]], np.float32)
    for got, given in zip(one(optim.clip_by_global_norm(7.0), *gradients), gradients, strict=True):
        assert got.tobytes() == given.tobytes()


def test_norm_counts_trained_leaves_only():
    now = params(np.float64)
    given = grads(now)
    length = np.sqrt(sum((leaf**2).sum() for leaf in tree.leaves(given) if isinstance(leaf, np.ndarray)))
    for limit in (0.5 * length, 2 * length):
        optimizer = optim.clip_by_global_norm(limit)
        updates, _ = optimizer.update(given, optimizer.init(now), now)
        expected = tree.map(lambda g, share=min(1.0, limit / length): g * share, given)
        for got, wanted in zip(tree.leaves(tree.map(np.copy, updates)), tree.leaves(expected), strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-14)


@pytest.mark.parametrize("size", [1, 2**14, 2**14 + 1, 100_000])
def test_norm_of_any_size_is_summed_in_float64(size):
    """In float32 a hundred thousand squares would lose digits, and those of 1e30 overflow."""
    (u,) = one(optim.clip_by_global_norm(1.0), np.full(size, 1e30, np.float32))
    np.testing.assert_allclose(u, size**-0.5, rtol=1e-6)


def test_norm_of_small_numbers_is_summed_in_float64():
    """In float32 the squares of 1e-30 are 0, and nothing would be clipped."""
    (u,) = one(optim.clip_by_global_norm(1e-31), np.full(4, 1e-30, np.float32))
    np.testing.assert_allclose(u, 5e-32, rtol=1e-6)


def test_updates_are_shortened_in_their_own_dtype():
    """float32 times a Python number: rounded as NumPy rounds `g * share`."""
    g = rng.normal(rng.key(1), (1000,), np.float32)
    (u,) = one(optim.clip_by_global_norm(1.0), g)
    share = 1.0 / math.sqrt(math.fsum(float(each) ** 2 for each in g))
    assert u.tobytes() == (g * share).tobytes()


def test_norm_after_another_part_is_that_of_its_updates():
    optimizer = optim.chain(optim.scale_by_factor(10.0), optim.clip_by_global_norm(1.0), optim.scale_by_factor(3.0))
    (u,) = one(optimizer, np.array([3.0, 4.0]))
    np.testing.assert_allclose(u, [1.8, 2.4], rtol=1e-15)


@pytest.mark.parametrize("large", [1e153, 1e160, 1e200, 1.7e308])
def test_norm_of_numbers_whose_squares_overflow(large):
    gradients = np.array([3.0, 0.0]) * (large / 4), np.zeros((0, 3)), np.array([large])
    u, nothing, v = one(optim.clip_by_global_norm(5.0), *gradients)
    np.testing.assert_allclose([*u, *v], [3.0, 0.0, 4.0], rtol=1e-14)
    assert nothing.shape == (0, 3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_norm_that_is_no_number_shows(bad):
    u, v = one(optim.clip_by_global_norm(1.0), np.array([bad, 1.0]), np.array([1e200]))
    assert np.isnan(u).all()
    assert np.isnan(v).all()


def test_nothing_to_clip():
    assert one(optim.clip_by_global_norm(1.0)) == ()
    (u,) = one(optim.clip_by_global_norm(1.0), np.zeros((0, 3)))
    assert u.shape == (0, 3)


@pytest.mark.parametrize("small", [1e-163, 1e-170, 1e-200, 1e-300, 1e-320])
def test_norm_of_numbers_whose_squares_vanish(small):
    """Longer than the limit, though the sum of squares is 0 or has lost its digits."""
    gradients = np.array([3.0, 0.0]) * small, np.array([4.0]) * small
    u, v = one(optim.clip_by_global_norm(small), *gradients)
    np.testing.assert_allclose([*(u / small), *(v / small)], [0.6, 0.0, 0.8], rtol=1e-14 if small > 1e-300 else 1e-2)
    for got, given in zip(one(optim.clip_by_global_norm(6 * small), *gradients), gradients, strict=True):
        assert got.tobytes() == given.tobytes()


@pytest.mark.parametrize(("large", "limit"), [(1e200, 1e-200), (1e-100, 1e-300), (1e300, 1.0)])
def test_a_share_that_is_no_number_is_taken_in_two_steps(large, limit):
    u, v = one(optim.clip_by_global_norm(limit), np.array([3.0, 0.0]) * large, np.array([4.0]) * large)
    np.testing.assert_allclose([*(u / limit), *(v / limit)], [0.6, 0.0, 0.8], rtol=1e-13)


def test_a_share_that_is_no_float32_is_taken_in_two_steps():
    u, _ = one(optim.clip_by_global_norm(1e-20), np.float32([3e30, 0.0]), np.float32([4e30]))
    np.testing.assert_allclose(u, [6e-21, 0.0], rtol=1e-6)
