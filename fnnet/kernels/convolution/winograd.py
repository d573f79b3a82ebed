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

Filtering both ways, F(2 × 2, 3 × 3), needs 16 multiplications for 36, but writes 6 numbers for each of x and reads 4
for each of y. On one thread it took as long; on more only the products get faster, not the sums.

*Rounding.* An output mixes four columns, not just the three of its window: its error is bounded by the largest of the
four, and one that is not finite spoils both outputs of its pair. In float32 the error, root mean square, was 0.8 to 1.6
times that of plain summation, on random images with and without a mean and after ReLU. On fractions all is exact.

Source: Lavin & Gray 2016, "Fast algorithms for convolutional neural networks", sec. 4.1.
"""

from collections.abc import Iterator

import numpy as np

from fnnet.kernels.convolution.unrolling import view
from fnnet.kernels.windows import Grid
from fnnet.types import Array

ROOM = 2**21  # bytes of Bᵀ d at a time
_TWICE_G = np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]])  # whole numbers: exact for every kind of number


def winograd_forward(z: Array, weight: Array, bias: Array | None, grid: Grid, y: Array) -> None:
    """y (O, OH, OW, N) of z (C, H, W, N) and weight (O, C, kH, 3)."""
    kernels = _kernels(weight)
    for row, x in _rows(z, grid):
        _gather(kernels @ x, bias, y[:, row])


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
    """Bᵀ d of one row of windows after the other, as matrices (4, kH · C, pairs · N), made a few rows at a time."""
    rows, cols = grid
    one = 4 * len(z) * ((cols.out + 1) // 2) * z.shape[3] * z.itemsize * rows.stride
    high = max(ROOM // one - rows.kernel, 4)
    for top in range(0, rows.out, high):
        bottom = min(top + high, rows.out)
        yield from enumerate(_matrices(z, (rows.part(top, bottom), cols)), top)


def _matrices(z: Array, grid: Grid) -> Array:
    """Bᵀ d of all rows of windows as matrices (OH, 4, kH · C, pairs · N), a view with overlaps."""
    rows, cols = grid
    c, _, _, n = z.shape
    pairs, first = (cols.out + 1) // 2, min(max(rows.before, 0), rows.padded)
    image = z[:, max(-rows.before, 0) : max(rows.padded - rows.before, 0)].swapaxes(0, 1)
    last = first + len(image)
    even_odd = np.zeros((2, len(image), c, pairs + 1, n), z.dtype)  # columns apart: the sums run along the memory
    for parity, half in enumerate(even_odd):
        start = (parity - cols.before) % 2
        part, left = image[:, :, start::2], (start + cols.before) // 2
        half[:, :, left : left + part.shape[2]] = part
    (d0, d1), (d2, d3) = even_odd[..., :-1, :], even_odd[..., 1:, :]
    made = np.empty((4, rows.padded, c, pairs, n), z.dtype)
    made[:, :first] = made[:, last:] = 0
    np.subtract(d0, d2, out=made[0, first:last])
    np.add(d1, d2, out=made[1, first:last])
    np.subtract(d2, d1, out=made[2, first:last])
    np.subtract(d1, d3, out=made[3, first:last])
    four, row, channel, _, element = made.strides
    return view(made, (rows.out, 4, rows.kernel * c, pairs * n), (rows.stride * row, four, channel, element))


def _gather(made: Array, bias: Array | None, y: Array) -> None:
    """Aᵀ m + b of m (4, O, pairs · N) into a row of y (O, OW, N); overwrites m."""
    o, width, n = y.shape
    left, near, far, right = made.reshape(4, o, -1, n)
    if bias is not None:
        near += bias[:, None, None]  # both outputs take it once
    left += near
    near -= far
    np.add(left, far, out=y[:, 0::2])
    np.subtract(near[:, : width // 2], right[:, : width // 2], out=y[:, 1::2])


def _scatter(dy: Array) -> Array:
    """A dy of a row of dy (O, OW, N), as matrices (4, pairs · N, O)."""
    o, width, n = dy.shape
    pairs = width // 2
    made = np.empty((4, o, pairs + width % 2, n), dy.dtype)
    first, plus, minus, last = made
    first[...] = dy[:, 0::2]
    left, right = (dy[:, i : 2 * pairs : 2] for i in range(2))
    np.add(left, right, out=plus[:, :pairs])
    np.subtract(left, right, out=minus[:, :pairs])
    np.negative(right, out=last[:, :pairs])
    if width % 2:
        plus[:, pairs] = minus[:, pairs] = first[:, pairs]
        last[:, pairs] = 0
    return made.reshape(4, o, -1).swapaxes(1, 2)
