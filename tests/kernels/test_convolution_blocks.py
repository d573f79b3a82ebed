"""How convolutions cut their work: boxes of y, blocks of unrolled rows, products in pieces."""

import numpy as np
import pytest

from fnnet.kernels.order import batch_last
from fnnet.kernels.windows import Axis
from tests.kernels.arrays import floats, fractions
from tests.kernels.rooms import convolution
from tests.oracles import conv

GRID = Axis(4, 3, 1, 1, 1), Axis(6, 3)  # y is 4 × 4


def with_band(q):
    return convolution.patched(best_band=lambda shape: q, best_scatter=lambda shape: q)


@pytest.mark.parametrize("pieces", [0, 1, 2, 5])
def test_products_in_pieces_of_columns_are_the_same(pieces):
    """On fractions, against the loops of the definition; 5 images times 4 columns."""
    x, weight, bias = fractions(1, (5, 1, 4, 6)), fractions(2, (2, 1, 3, 3)), fractions(3, (2,))
    strides, padding = (1, 1), ((1, 1), (0, 0))
    want = conv.convolve(x, weight, bias, strides, padding)
    dy = fractions(4, want.shape)
    dx = conv.gradients(x, weight, dy, strides, padding)[2]
    asked, cut, cuts = set(), convolution._in_pieces, []

    def unpacked(m, k, n):
        asked.add((m, k, n))
        return pieces

    def cutting(matrices, into):
        cuts.append(into)
        return cut(matrices, into)

    with convolution.patched(unpacked=unpacked, _in_pieces=cutting):
        for q in (1, 2, 4):
            with with_band(q):
                assert (convolution.convolve(x, weight, bias, GRID, "bands") == want).all()
                assert (convolution.convolve_input_gradient(dy, weight, GRID, "scattered") == dx).all()
    assert asked == {(2, 9, 20), (9, 2, 20), (12, 4, 20), (18, 8, 20)}  # W of the forward; its transpose for each band
    assert set(cuts) == ({pieces} if pieces > 1 else set())


@pytest.mark.parametrize(
    ("pixel", "q", "piece", "widths"),
    [
        (1024, 1, 5 * 9216, [5, 5, 5, 3]),  # X has 3 rows · 3 taps · 1024 bytes for each window
        (1024, 1, 6 * 9216 - 1, [5, 5, 5, 3]),
        (1024, 1, 17 * 9216, [9, 9]),
        (1024, 1, 18 * 9216, [18]),
        (1024, 2, 5 * 12288, [5, 5, 5, 3]),  # two rows of windows read 4
        (1024, 1, 0, [4, 4, 4, 4, 2]),  # not below 4096 bytes of x
        (1023, 1, 0, [5, 5, 5, 3]),
        (5000, 1, 0, [1] * 18),
        (8, 1, 0, [18]),
    ],
)
def test_boxes_are_so_wide_that_a_matrix_stays_in_the_piece(pixel, q, piece, widths):
    rows, cols = Axis(30, 3), Axis(20, 3)
    parts = convolution._boxes(pixel, (rows, cols), q, piece, 2**40)
    ends = np.cumsum(widths)
    assert [box for box, _ in parts] == [(slice(0, 28), slice(e - w, e)) for e, w in zip(ends, widths, strict=True)]
    assert [part for _, part in parts] == [(rows, cols.part(e - w, e)) for e, w in zip(ends, widths, strict=True)]


@pytest.mark.parametrize(
    ("stride", "q", "block", "heights"),
    [
        (1, 1, (9 + 3) * 120, [10, 10, 8]),  # an unrolled row has 3 taps · 5 windows · 8 bytes
        (1, 1, (9 + 3) * 120 - 1, [7, 7, 7, 7]),
        (2, 1, (9 + 3) * 240, [10, 10, 8]),
        (1, 1, 0, [5, 5, 5, 5, 5, 3]),
        (1, 2, 0, [6, 6, 6, 6, 4]),
        (1, 4, (9 + 3) * 120, [12, 12, 4]),
        (1, 28, 0, [28]),
        (1, 1, 31 * 120, [28]),
    ],
)
def test_boxes_are_so_high_that_unrolled_rows_stay_in_the_block(stride, q, block, heights):
    """In whole bands of q, one more than what windows that overlap are sure to leave room for."""
    rows, cols = Axis(27 * stride + 3, 3, stride), Axis(7, 3)
    parts = convolution._boxes(8, (rows, cols), q, 2**40, block)
    ends = np.cumsum(heights)
    assert [box for box, _ in parts] == [(slice(e - h, e), slice(0, 5)) for e, h in zip(ends, heights, strict=True)]
    assert [part for _, part in parts] == [(rows.part(e - h, e), cols) for e, h in zip(ends, heights, strict=True)]


@pytest.mark.parametrize("block", [1, 200_000])
def test_boxes_side_by_side_make_the_whole_image(block):
    """64 images of 4 channels, 2048 bytes a pixel: two columns of windows at a time."""
    x, weight, bias = floats(1, (64, 4, 9, 7)), floats(2, (3, 4, 3, 2)), floats(3, (3,))
    grid = Axis(9, 3, 1, 1, 1), Axis(7, 2, 1, 0, 1)
    seen = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (0, 0), (1, 1), (0, 1))), (3, 2), (2, 3))
    dy = floats(4, (64, 3, 9, 7))
    with with_band(3), convolution.patched(PIECE=1, BLOCK=block):
        y = convolution.convolve(x, weight, bias, grid, "bands")
        dweight = convolution.convolve_weight_gradient(x, dy, grid, "bands")
    want = np.einsum("ncpqij,ocij->nopq", seen, weight) + bias[:, None, None]
    np.testing.assert_allclose(y, want, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(dweight, np.einsum("ncpqij,nopq->ocij", seen, dy), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_all_blocks_are_unrolled_into_one_memory(columns):
    z, asked, cut = batch_last(floats(1, (64, 4, 5, 2 * columns + 2))), [], convolution._boxes
    grid = Axis(5, 3), Axis(2 * columns + 2, 3)  # pixels of 2048 bytes, two columns of windows at a time

    def boxing(*arguments):
        asked.append(arguments)
        return cut(*arguments)

    with convolution.patched(PIECE=1, _boxes=boxing):
        made = [matrices for _, matrices in convolution._blocks(z, grid, 1)]
    assert asked == [(2048, grid, 1, 1, convolution.BLOCK)]
    assert len(made) == columns
    assert all(np.shares_memory(made[0], other) for other in made)
