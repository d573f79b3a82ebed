"""Winograd's filtering row by row: every width, padding and block, against the loops of the definition."""

import numpy as np
import pytest

from fnnet.kernels.convolution import winograd
from fnnet.kernels.order import batch_first, batch_last
from fnnet.kernels.windows import Axis
from tests.kernels.arrays import floats, fractions
from tests.oracles import conv

ROWS = [Axis(5, 3, 1, 1, 1), Axis(7, 2, 2, 1, 2), Axis(4, 1), Axis(3, 3, 2, 3, 3)]  # the last begins above the image


@pytest.mark.parametrize("rows", ROWS, ids=str)
@pytest.mark.parametrize(("before", "after"), [(0, 0), (1, 1), (2, 0), (0, 3), (3, 2)])
@pytest.mark.parametrize("width", [3, 4, 5, 6, 7])
def test_pairs_of_columns_give_what_the_definition_says(rows, before, after, width, monkeypatch):
    monkeypatch.setattr(winograd, "ROOM", 1)  # four rows at a time
    cols, seed = Axis(width, 3, 1, before, after), 10 * width + before
    x, weight = fractions(seed, (2, 2, rows.size, width)), fractions(seed + 1, (3, 2, rows.kernel, 3))
    bias, stride = fractions(seed + 2, (3,)), (rows.stride, 1)
    padding = (rows.before, rows.after), (before, after)
    want = conv.convolve(x, weight, bias, stride, padding)
    z, y = batch_last(x), batch_last(np.zeros_like(want))
    winograd.winograd_forward(z, weight, bias, (rows, cols), y)
    assert (batch_first(y) == want).all()
    winograd.winograd_forward(z, weight, None, (rows, cols), y)
    assert (batch_first(y) == want - bias[:, None, None]).all()
    dy = fractions(seed + 3, want.shape)
    dweight = winograd.winograd_gradient(z, batch_last(dy), (rows, cols))
    assert (dweight == conv.gradients(x, weight, dy, stride, padding)[0]).all()


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("room", "high"), [(0, 4), (7, 4), (10, 7), (11, 8)])
def test_rows_are_made_as_many_at_a_time_as_fit_into_the_block(stride, room, high, monkeypatch):
    """Room for so many rows of windows, and three more as the windows overlap; below four rows it would not pay."""
    rows, cols = Axis(40, 3, stride), Axis(10, 3)
    numbers = 4 * 3 * 4 * 2  # in Bᵀ d for each row of x: four sums, channels, pairs of columns, images
    windows, mix = [], winograd._mix

    def spy(z, before, cols, made):
        windows.append((made.shape[1] - (0 if windows else 3 - stride)) // stride)
        assert room < 10 or made.shape[1] * numbers * 8 <= winograd.ROOM
        mix(z, before, cols, made)

    monkeypatch.setattr(winograd, "_mix", spy)
    monkeypatch.setattr(winograd, "ROOM", room * stride * numbers * 8)
    assert len(list(winograd._rows(floats(1, (3, 40, 10, 2)), (rows, cols)))) == rows.out
    assert windows == [high] * (rows.out // high) + [rows.out % high] * (rows.out % high > 0)
