"""Winograd's filtering tile by tile: every size, padding and block, against the loops of the definition."""

import numpy as np
import pytest

from fnnet.kernels.convolution import tiles
from fnnet.kernels.order import batch_first, batch_last
from fnnet.kernels.windows import Axis
from tests.kernels.arrays import floats, fractions
from tests.oracles import conv


@pytest.mark.parametrize("size", [3, 4, 5, 6, 7, 10])
@pytest.mark.parametrize(("before", "after"), [(0, 0), (1, 1), (2, 0), (0, 3), (7, 2)])
def test_tiles_give_what_the_definition_says(size, before, after, monkeypatch):
    monkeypatch.setattr(tiles, "TILE_ROOM", 1)  # one row of tiles at a time
    rows, cols = Axis(size, 3, 1, before, after), Axis(13 - size, 3, 1, after, before)
    x, weight, bias = fractions(size, (2, 2, size, 13 - size)), fractions(1, (3, 2, 3, 3)), fractions(2, (3,))
    padding = (before, after), (after, before)
    want = conv.convolve(x, weight, bias, (1, 1), padding)
    z, y = batch_last(x), batch_last(np.zeros_like(want))
    tiles.tiled_forward(z, weight, bias, (rows, cols), y)
    assert (batch_first(y) == want).all()
    tiles.tiled_forward(z, weight, None, (rows, cols), y)
    assert (batch_first(y) == want - bias[:, None, None]).all()
    dy = fractions(3, want.shape)
    dweight = tiles.tiled_gradient(z, batch_last(dy), (rows, cols))
    assert (dweight == conv.gradients(x, weight, dy, (1, 1), padding)[0]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_every_kind_of_number_keeps_its_kind(dtype):
    x, weight = floats(1, (2, 3, 6, 5)).astype(dtype), floats(2, (4, 3, 3, 3)).astype(dtype)
    grid = Axis(6, 3), Axis(5, 3)
    y = np.empty((4, 4, 3, 2), dtype)
    tiles.tiled_forward(batch_last(x), weight, None, grid, y)
    dw = tiles.tiled_gradient(batch_last(x), y, grid)
    assert dw.dtype == dtype
    close = 1e-4 if np.finfo(dtype).eps > 1e-10 else 1e-12
    np.testing.assert_allclose(batch_first(y), conv.convolve(x, weight, None, (1, 1), ((0, 0), (0, 0))), close, close)


@pytest.mark.parametrize(("room", "high"), [(0, [1] * 5), (1, [1] * 5), (2, [2, 2, 1]), (4, [3, 2]), (5, [5])])
def test_rows_of_tiles_are_shared_out_evenly_among_blocks(room, high, monkeypatch):
    """As few blocks as fit; a row has 36 numbers for each channel, tile and image."""
    images = np.empty((3, 20, 9, 2)), np.empty((4, 18, 7, 2))
    monkeypatch.setattr(tiles, "TILE_ROOM", room * 36 * 4 * 2 * 2 * 8)
    blocks = list(tiles._tile_rows((Axis(20, 3), Axis(9, 3)), *images))
    assert [read[0].out for read, _ in blocks] == [made[0].out for _, made in blocks] == high
    assert {read[1].out for read, _ in blocks} == {made[1].out for _, made in blocks} == {2}
