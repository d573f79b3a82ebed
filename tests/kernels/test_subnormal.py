"""The switch that takes subnormal numbers for 0: what it reaches, and that nothing is left of it."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fnnet.kernels.subnormal import can_switch, subnormals_as_zero

pytestmark = pytest.mark.skipif(not can_switch(), reason="this system has no such switch where it is looked for")


def is_switched(dtype=np.float32):
    """Whether an operand, and a result, that is subnormal becomes 0."""
    least = np.full(100, np.finfo(dtype).tiny)
    operand, result = (least / 4) * 4, least / 4
    found = {bool((operand == 0).all()), bool((result == 0).all())}
    assert len(found) == 1
    return found.pop()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_inside_only(dtype):
    assert not is_switched(dtype)
    with subnormals_as_zero():
        assert is_switched(dtype)
        with subnormals_as_zero():
            assert is_switched(dtype)
        assert is_switched(dtype)
    assert not is_switched(dtype)


def test_also_after_an_error():
    with pytest.raises(ZeroDivisionError), subnormals_as_zero():
        _ = 1 / 0
    assert not is_switched()


def test_normal_numbers_are_as_ever():
    a = np.random.default_rng(0).normal(size=1000).astype(np.float32) * np.float32(1e-30)
    with subnormals_as_zero():
        inside = [a * 3, a + a[::-1], np.sqrt(np.abs(a)), a @ a.reshape(-1, 1) * 1e30]
    for one, other in zip(inside, [a * 3, a + a[::-1], np.sqrt(np.abs(a)), a @ a.reshape(-1, 1) * 1e30], strict=True):
        assert one.tobytes() == other.tobytes()


def test_other_threads_compute_as_before():
    with ThreadPoolExecutor(1) as pool:
        assert not pool.submit(is_switched).result()
        with subnormals_as_zero():
            assert not pool.submit(is_switched).result()


def test_numpys_settings_stay():
    with np.errstate(over="raise", invalid="ignore"):
        before = np.geterr()
        with subnormals_as_zero():
            assert np.geterr() == before
            with pytest.raises(FloatingPointError):
                np.float32([1e38]) * 10
        assert np.geterr() == before
