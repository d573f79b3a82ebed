"""Two-dimensional cross-correlation and its two adjoints: several algorithms behind one function each.

    y[n, o, p, q] = b[o] + Σ_cij w[o, c, i, j] · x[n, c, p·s + i - a, q·t + j - b]

Images go in with any strides and come out batch-last (see `fnnet.kernels.order`).

*Bands.* Rows of the image are unrolled kW-fold (see `fnnet.kernels.unrolling`). What q neighbouring rows of windows
read is then a matrix X (R·C·kW, OW·N), R = (q - 1)·s + kH, without a copy, and q rows of y are one product W X with
the band matrix W (O·q, R·C·kW). q = 1 wastes no multiplication; a larger q makes the product of few channels less
slender, which BLAS likes, for R / (q·kH) times the multiplications. With q = OH the image is one product.

- forward:          W X
- weight gradient:  (Σ X dyᵀ)ᵀ, folded along the band: with X on the left BLAS took half the time of Σ dy Xᵀ
- input gradient:   Wᵀ dy, overlapping rows and taps summed; or, at stride 1, the forward of dy with the flipped
                    kernel, which has no sums to scatter.

*Cost*, counted in multiply-adds: a product (m, k)·(k, n) costs m·k·n·(1 + SLENDER / m), as BLAS packs k·n numbers for
use m times; a number that NumPy moves (read, write) costs MOVE, one that it adds to memory ADD, as many as BLAS
multiplies in that time. Bytes: unrolling writes C·kW·H·W·N numbers and BLAS reads each kH times, from the cache,
for rows are unrolled in blocks: as wide as lets one matrix X stay in PIECE bytes, as high as BLOCK.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache, reduce
from typing import NamedTuple, TypeAlias

import numpy as np

from fnnet.kernels.order import batch_first, batch_last
from fnnet.kernels.unrolling import band, band_adjoint, unroll, unroll_adjoint, windows
from fnnet.kernels.windows import Axis, Grid
from fnnet.types import Array

PIECE, BLOCK = 2**21, 2**23  # bytes; the L2 caches of two cores, and what lies in reach beyond them
SLENDER, MOVE, ADD = 20, 40, 50  # measured on AVX-512 with OpenBLAS, two threads; only the choice depends on them

Box: TypeAlias = tuple[slice, slice]  # rows and columns of y


class Shape(NamedTuple):
    """What the cost of a convolution depends on."""

    n: int
    c: int
    o: int
    grid: Grid


def convolve(x: Array, weight: Array, bias: Array | None, grid: Grid) -> Array:
    """y (N, O, OH, OW) of x (N, C, H, W), weight (O, C, kH, kW) and bias (O,)."""
    return batch_first(_forward(batch_last(x), weight, bias, grid))


def convolve_weight_gradient(x: Array, dy: Array, grid: Grid) -> Array:
    """dw[o, c, i, j] = Σ_npq dy[n, o, p, q] · x[n, c, p·s + i - a, q·t + j - b], (O, C, kH, kW) in C order."""
    z, dz = batch_last(x), batch_last(dy)
    rows, cols = grid
    shape = len(dz), len(z), rows.kernel, cols.kernel
    if _pointwise(grid):
        return (_flat(dz) @ _flat(z).T).reshape(shape)
    q = best_band(Shape(z.shape[3], len(z), len(dz), grid))
    parts = (
        np.add.reduce(x_bands @ _bands(dz, box, q).transpose(0, 2, 1), axis=0) for box, x_bands in _blocks(z, grid, q)
    )
    dband: Array = reduce(np.add, parts)
    return band_adjoint(np.ascontiguousarray(dband.T), shape, rows, q)


def convolve_input_gradient(dy: Array, weight: Array, grid: Grid, algorithm: str | None = None) -> Array:
    """dx[n, c, u, v] = Σ dy[n, o, p, q] · w[o, c, i, j] over all that read it, (N, C, H, W)."""
    dz = batch_last(dy)
    if algorithm is None:
        algorithm = best_input_gradient(Shape(len(dy), weight.shape[1], len(weight), grid))
    return batch_first(INPUT_GRADIENTS[algorithm].run(dz, weight, grid))


def _forward(z: Array, weight: Array, bias: Array | None, grid: Grid) -> Array:
    """y (O, OH, OW, N) of z (C, H, W, N)."""
    rows, cols = grid
    y = np.empty((len(weight), rows.out, cols.out, z.shape[3]), z.dtype)
    if _pointwise(grid):
        np.matmul(_flat(weight), _flat(z), out=_flat(y))
        return y if bias is None else np.add(y, bias[:, None, None, None], out=y)
    q = best_band(Shape(z.shape[3], len(z), len(weight), grid))
    w = band(weight, rows, q)
    for (down, across), matrices in _blocks(z, grid, q):
        part = y[:, down, across]
        if q == 1:
            np.matmul(w, matrices, out=_bands(part, _ALL, 1))
        else:
            made = (w @ matrices).reshape(-1, len(y), q, *part.shape[2:])
            part.reshape(len(y), -1, q, *part.shape[2:])[...] = made.transpose(1, 0, 2, 3, 4)
        if bias is not None:
            part += bias[:, None, None, None]
    return y


def _blocks(z: Array, grid: Grid, q: int) -> Iterator[tuple[Box, Array]]:
    """The boxes of y in turn, each with the matrices X of its bands; the matrices live until the next box."""
    rows, cols = grid
    one = len(z) * cols.kernel * z.shape[3] * z.itemsize  # bytes of an unrolled row for one window
    wide = _even(cols.out, max(PIECE // (one * rows.reach(q)), -(-128 // z.shape[3])))
    high = q * _even(rows.out // q, max(BLOCK // (one * wide * rows.stride) - rows.kernel, 4) // q + 1)
    memory = None
    for left in range(0, cols.out, wide):
        for top in range(0, rows.out, high):
            down, across = slice(top, min(top + high, rows.out)), slice(left, min(left + wide, cols.out))
            part = rows.part(down.start, down.stop), cols.part(across.start, across.stop)
            unrolled = unroll(z, part, memory)
            memory = unrolled if memory is None else memory  # the first box is the largest
            yield (down, across), windows(unrolled, part[0], q)


def _even(length: int, most: int) -> int:
    """The size of equal pieces of a length, none above `most`."""
    return -(-length // -(-length // min(most, length)))


def _bands(z: Array, box: Box, q: int) -> Array:
    """A box of z (C, H, W, N) as matrices (rows / q, C · q, W · N), a view where q is 1."""
    part = z[:, box[0], box[1]]
    split = part.reshape(len(z), -1, q, part.shape[2] * part.shape[3])
    return split.transpose(1, 0, 2, 3).reshape(split.shape[1], -1, split.shape[3])


_ALL = slice(None), slice(None)


def _pointwise_gradient(dz: Array, weight: Array, grid: Grid) -> Array:
    """One plain product, Wᵀ dy."""
    return (_flat(weight).T @ _flat(dz)).reshape(weight.shape[1], *dz.shape[1:])


def _flipped_gradient(dz: Array, weight: Array, grid: Grid) -> Array:
    """The forward of dy with the kernel flipped, inputs and outputs swapped, and padding k - 1 - a."""
    return _forward(dz, weight[:, :, ::-1, ::-1].swapaxes(0, 1), None, _flipped(grid))


def _scattered_gradient(dz: Array, weight: Array, grid: Grid) -> Array:
    """Wᵀ dy band by band, then every row and tap added to the row it was read from."""
    rows, cols = grid
    q = best_scatter(Shape(dz.shape[3], weight.shape[1], len(dz), grid))
    dmatrices = band(weight, rows, q).T @ _bands(dz, _ALL, q)
    shape = len(dmatrices), rows.reach(q), weight.shape[1], cols.kernel, cols.out, dz.shape[3]
    dwindows = dmatrices.reshape(shape)
    step = q * rows.stride
    if len(dwindows) == 1 and shape[1] == rows.padded:
        return unroll_adjoint(dwindows[0], grid)
    dunrolled = np.zeros((rows.padded, *shape[2:]), dz.dtype)
    for i in range(shape[1]):
        dunrolled[i : i + step * (shape[0] - 1) + 1 : step] += dwindows[:, i]
    return unroll_adjoint(dunrolled, grid)


def _flipped(grid: Grid) -> Grid:
    rows, cols = (Axis(a.out, a.kernel, 1, a.kernel - 1 - a.before, a.size + a.before - a.out) for a in grid)
    return rows, cols


def _flat(a: Array) -> Array:
    return a.reshape(len(a), -1)


class InputGradient(NamedTuple):
    """One algorithm: what it accepts, what it costs in multiply-adds, and how it runs."""

    accepts: Callable[[Grid], bool]
    cost: Callable[[Shape], float]
    run: Callable[[Array, Array, Grid], Array]


def _pointwise(grid: Grid) -> bool:
    return all(a.kernel == a.stride == 1 and a.padded == a.size for a in grid)


def _flips(grid: Grid) -> bool:
    return all(a.stride == 1 and max(a.before, a.after) < a.kernel for a in grid)


def _product_cost(shape: Shape, q: int) -> float:
    """Of W X for all bands, and of bringing q rows in order."""
    n, c, o, (rows, cols) = shape
    y = n * o * rows.out * cols.out
    products = y * rows.reach(q) * c * cols.kernel * (1 + SLENDER / (o * q))
    return products + (y * MOVE if q > 1 else 0)


def _unrolling_cost(shape: Shape) -> float:
    n, c, _, (rows, cols) = shape
    return n * c * rows.padded * cols.kernel * cols.out * MOVE


def _scatter_cost(shape: Shape, q: int) -> float:
    n, c, _, (rows, cols) = shape
    rows_added = 0 if q == rows.out else rows.out // q * rows.reach(q)
    return _product_cost(shape, q) + n * c * cols.kernel * cols.out * (rows_added + rows.size) * ADD


def _flipped_cost(shape: Shape) -> float:
    n, c, o, grid = shape
    swapped = Shape(n, o, c, _flipped(grid))
    return _product_cost(swapped, best_band(swapped)) + _unrolling_cost(swapped)


def _divisors(n: int) -> list[int]:
    return [q for q in range(1, n + 1) if n % q == 0]


@lru_cache(maxsize=256)
def best_band(shape: Shape) -> int:
    """The q that makes W X cheapest."""
    return min(_divisors(shape.grid[0].out), key=lambda q: _product_cost(shape, q))


@lru_cache(maxsize=256)
def best_scatter(shape: Shape) -> int:
    """The q that makes Wᵀ dy and its sums cheapest."""
    return min(_divisors(shape.grid[0].out), key=lambda q: _scatter_cost(shape, q))


@lru_cache(maxsize=256)
def best_input_gradient(shape: Shape) -> str:
    """The name of the cheapest algorithm that accepts the grid."""
    able = [name for name, algorithm in INPUT_GRADIENTS.items() if algorithm.accepts(shape.grid)]
    return min(able, key=lambda name: INPUT_GRADIENTS[name].cost(shape))


INPUT_GRADIENTS = {
    "pointwise": InputGradient(_pointwise, lambda shape: 0, _pointwise_gradient),
    "flipped": InputGradient(_flips, _flipped_cost, _flipped_gradient),
    "scattered": InputGradient(
        lambda grid: True, lambda shape: _scatter_cost(shape, best_scatter(shape)), _scattered_gradient
    ),
}
