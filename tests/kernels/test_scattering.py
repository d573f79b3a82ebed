"""Rows added up by ids, against loops."""

import numpy as np
import pytest

from fnnet.kernels.scattering import sums_by_id
from tests.kernels.arrays import floats


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
@pytest.mark.parametrize("width", [1, 5, 6])
@pytest.mark.parametrize("few", [0, 2**14])
def test_every_id_gets_the_sum_of_its_rows_in_their_order(dtype, width, few, monkeypatch):
    monkeypatch.setattr("fnnet.kernels.scattering._SOON", few)
    ids = np.array([3, 0, 3, 3, 5, 0], np.uint8)
    rows = floats(0, (width, 6)).astype(dtype).T  # in no C order
    wanted = np.zeros((7, width), dtype)
    for i, row in zip(ids, rows, strict=True):
        wanted[i] += row
    found = sums_by_id(ids, rows, 7)
    assert found.dtype == dtype
    assert (found == wanted).all()


def test_of_ids_with_one_row_each_all_are_copied(monkeypatch):
    monkeypatch.setattr("fnnet.kernels.scattering._SOON", 0)
    rows = floats(1, (3, 4))
    np.testing.assert_array_equal(sums_by_id(np.array([2, 0, 4]), rows, 6)[[2, 0, 4]], rows)
    assert not sums_by_id(np.array([], int), rows[:0], 6).any()


def test_what_is_not_finite_stays_where_it_is():
    rows = np.array([[np.inf, 1, np.nan, 2], [1, 2, 3, 4]], np.float32)
    with np.errstate(all="raise"):
        found = sums_by_id(np.array([1, 1]), rows, 2)
    np.testing.assert_array_equal(found, [[0, 0, 0, 0], [np.inf, 3, np.nan, 6]])
