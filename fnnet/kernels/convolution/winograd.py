"""Convolution with kernels three columns wide and stride 1 across, by Winograd's minimal filtering F(2, 3) along rows.

Two neighbouring outputs of a row read four elements d of each row of the image. With

    Bᵀ = ⎡1  0 -1  0⎤      G = ⎡ 1  0  0⎤      Aᵀ = ⎡1  1  1  0⎤
         ⎢0  1  1  0⎥          ⎢ ½  ½  ½⎥           ⎣0  1 -1 -1⎦
         ⎢0 -1  1  0⎥          ⎢ ½ -½  ½⎥
         ⎣0  1  0 -1⎦          ⎣ 0  0  1⎦

and ⊙ the product element by element,

    forward:          y  = Aᵀ (G w ⊙ Bᵀ d)     summed over rows of the kernel and input channels
    weight gradient:  dw = Gᵀ (A dy ⊙ Bᵀ d)    summed over all pairs of outputs

so that the sum is one product of matrices for each of the four elements: 4 multiplications where two windows have 6.
Bᵀ d writes 2 numbers for each of x, where unrolling writes 3; Aᵀ reads 2 for each of y. From row to row the kernel
slides as ever: its rows lie one after the other in Bᵀ d and are a matrix without a copy, see `unrolling`.

Filtering both ways saves more products, and moves more numbers: that pays with many channels, see `tiles`.

*Rounding.* An output mixes four columns, not just the three of its window: its error is bounded by the largest of the
four, and one that is not finite spoils both outputs of its pair. In float32 the error, root mean square, was 0.8 to 1.6
times that of plain summation, on random images with and without a mean and after ReLU. On fractions all is exact.

Source: Lavin & Gray 2016, "Fast algorithms for convolutional neural networks", sec. 4.1.
"""

from collections.abc import Iterator

import numpy as np

from fnnet.kernels.convolution.products import multiplied
from fnnet.kernels.convolution.unrolling import view
from fnnet.kernels.order import on_lines
from fnnet.kernels.windows import Axis, Grid
from fnnet.types import Array

ROOM = 2**21  # bytes of Bᵀ d at a time
_TWICE_G = np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]])  # whole numbers: exact for every kind of number


def winograd_forward(z: Array, weight: Array, bias: Array | None, grid: Grid, y: Array) -> None:
    """y (O, OH, OW, N) of z (C, H, W, N) and weight (O, C, kH, 3)."""
    kernels = _kernels(weight)
    made = np.empty((4, len(y), (y.shape[2] + 1) // 2 * y.shape[3]), y.dtype)
    for row, x in _rows(z, grid):
        multiplied(kernels, x, made)
        _gather(made, bias, y[:, row])


def winograd_gradient(z: Array, dz: Array, grid: Grid) -> Array:
    """dw (O, C, kH, 3) of z (C, H, W, N) and dz (O, OH, OW, N)."""
    dkernels = np.zeros((4, grid[0].kernel * len(z), len(dz)), z.dtype)
    for row, x in _rows(z, grid):
        dkernels += x @ _scatter(dz[:, row])  # with the larger on the left BLAS takes less time
    return _kernels_adjoint(dkernels, grid[0].kernel)


def _kernels(weight: Array) -> Array:
    """G w of weight (O, C, kH, 3), as matrices (4, O, kH · C)."""
    o, c, kh, _ = weight.shape
    made = _TWICE_G.astype(weight.dtype) @ weight.transpose(3, 0, 2, 1).reshape(3, -1)
    made /= 2
    return made.reshape(4, o, kh * c)


def _kernels_adjoint(dkernels: Array, kh: int) -> Array:
    """Gᵀ du of du (4, kH · C, O), (O, C, kH, 3) in C order."""
    _, read, o = dkernels.shape
    dw = _TWICE_G.T.astype(dkernels.dtype) @ dkernels.reshape(4, -1)
    dw /= 2
    return np.ascontiguousarray(dw.reshape(3, kh, read // kh, o).transpose(3, 2, 1, 0))


def _rows(z: Array, grid: Grid) -> Iterator[tuple[int, Array]]:
    """Bᵀ d of one row of windows after the other, as matrices (4, kH · C, pairs · N), made a few rows at a time.

    They overlap in memory, and live until the next is asked for.
    """
    rows, cols = grid
    c, _, _, n = z.shape
    pairs = (cols.out + 1) // 2
    one = 4 * c * pairs * n * z.itemsize * rows.stride
    high = min(max(ROOM // one - rows.kernel, 4), rows.out)
    made = on_lines((4, rows.reach(high), c, pairs, n), z.dtype)
    four, row, channel, _, element = made.strides
    again = 0  # rows that the last windows have read and the next read too
    for top in range(0, rows.out, high):
        part = rows.part(top, min(top + high, rows.out))
        made[:, :again] = made[:, made.shape[1] - again :]
        _mix(z, part.before - again, cols, made[:, again : part.padded])
        again = max(rows.kernel - rows.stride, 0)
        shape = part.out, 4, rows.kernel * c, pairs * n
        yield from enumerate(view(made, shape, (rows.stride * row, four, channel, element)), top)


def _mix(z: Array, before: int, cols: Axis, made: Array) -> None:
    """Bᵀ d of some rows into (4, rows, C, pairs, N), of which so many lie before the first row of the image."""
    c, _, _, n = z.shape
    many, pairs = made.shape[1], made.shape[3]
    first = min(max(before, 0), many)
    image = z[:, max(-before, 0) : max(many - before, 0)].swapaxes(0, 1)
    last = first + len(image)
    even_odd = np.empty((2, len(image), c, pairs + 1, n), z.dtype)  # columns apart: the sums run along the memory
    for parity, half in enumerate(even_odd):
        start = (parity - cols.before) % 2
        part, left = image[:, :, start::2], (start + cols.before) // 2
        right = left + part.shape[2]
        half[:, :, left:right] = part
        half[:, :, :left] = half[:, :, right:] = 0
    (d0, d1), (d2, d3) = even_odd[..., :-1, :], even_odd[..., 1:, :]
    made[:, :first] = made[:, last:] = 0
    np.subtract(d0, d2, out=made[0, first:last])
    np.add(d1, d2, out=made[1, first:last])
    np.subtract(d2, d1, out=made[2, first:last])
    np.subtract(d1, d3, out=made[3, first:last])


# NumPy copies short runs of memory in half the time it takes to add them, so columns are brought apart or together by
# copies, and summed where they stand without gaps.


def _gather(made: Array, bias: Array | None, y: Array) -> None:
    """Aᵀ m + b of m (4, O, pairs · N) into a row of y (O, OW, N); overwrites m."""
    o, width, n = y.shape
    left, near, far, right = made.reshape(4, o, -1, n)
    if bias is not None:
        near += bias[:, None, None]  # both outputs take it once
    left += near
    left += far
    near -= far
    near -= right
    y[:, 0::2], y[:, 1::2] = left, near[:, : width // 2]


def _scatter(dy: Array) -> Array:
    """A dy of a row of dy (O, OW, N), as matrices (4, pairs · N, O)."""
    o, width, n = dy.shape
    made = on_lines((4, o, (width + 1) // 2, n), dy.dtype)
    first, plus, minus, last = made
    first[...], last[:, : width // 2] = dy[:, 0::2], dy[:, 1::2]
    if width % 2:
        last[:, -1] = 0
    np.add(first, last, out=plus)
    np.subtract(first, last, out=minus)
    np.negative(last, out=last)
    return made.reshape(4, o, -1).swapaxes(1, 2)
