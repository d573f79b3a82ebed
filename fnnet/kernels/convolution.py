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

*Columns.* All windows of a few or of small images are copied, kH·kW-fold, into one matrix X (C·kH·kW, OH·OW·N); the
forward is one product, w X, and the weight gradient (X dyᵀ)ᵀ.

*Winograd.* For kernels three columns wide at stride 1: two thirds of the multiplications, see `fnnet.kernels.winograd`.

*Cost*, counted in multiply-adds. A product (m, k)·(k, n) costs m·k·n·(1 + SLENDER / m + NARROW / n) and CALL, as BLAS
packs its operands for m and n uses. Thin products W X (q = 1) and Wᵀ dy are cut into pieces so small (UNPACKED)
that BLAS on AVX-512 multiplies them as they lie, for m·k·n and CALL: with 16 channels two thirds of the time. A number
that NumPy moves (read, write) costs MOVE, one that it adds to memory ADD, as many as BLAS multiplies in that time;
MOVE_NEAR and ADD_NEAR where the cache holds them all. Bytes: unrolling writes C·kW·H·W·N numbers and BLAS reads each
kH times, from the cache, for rows are unrolled in blocks: as wide as lets one matrix X stay in PIECE bytes, as
high as BLOCK.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache, reduce
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from fnnet.kernels.order import batch_first, batch_last
from fnnet.kernels.unrolling import band, band_adjoint, columns, unroll, unroll_adjoint, windows
from fnnet.kernels.windows import Axis, Grid
from fnnet.kernels.winograd import winograd_forward, winograd_gradient
from fnnet.types import Array

PIECE, BLOCK = 2**21, 2**23  # bytes; the L2 caches of two cores, and what lies in reach beyond them
SLENDER, NARROW, CALL = 20, 16, 40_000  # measured on AVX-512 with OpenBLAS, one thread;
MOVE, ADD, MOVE_NEAR, ADD_NEAR = 40, 50, 15, 12  # only the choice of an algorithm depends on these
THIN, UNPACKED = 24, 1_000_000  # the thinnest side, and the multiplications, of a product better not packed
RUN = 300  # of every piece of memory that NumPy goes over with a stride

Box: TypeAlias = tuple[slice, slice]  # rows and columns of y


class Shape(NamedTuple):
    """What the cost of a convolution depends on."""

    n: int
    c: int
    o: int
    grid: Grid


def convolve(x: Array, weight: Array, bias: Array | None, grid: Grid, algorithm: str | None = None) -> Array:
    """y (N, O, OH, OW) of x (N, C, H, W), weight (O, C, kH, kW) and bias (O,)."""
    return batch_first(_forward(batch_last(x), weight, bias, grid, algorithm))


def convolve_weight_gradient(x: Array, dy: Array, grid: Grid, algorithm: str | None = None) -> Array:
    """dw[o, c, i, j] = Σ_npq dy[n, o, p, q] · x[n, c, p·s + i - a, q·t + j - b], (O, C, kH, kW) in C order."""
    z, dz = batch_last(x), batch_last(dy)
    name = algorithm or best_weight_gradient(Shape(z.shape[3], len(z), len(dz), grid))
    dw: Array = WEIGHT_GRADIENTS[name].run(z, dz, grid)
    return dw


def convolve_input_gradient(dy: Array, weight: Array, grid: Grid, algorithm: str | None = None) -> Array:
    """dx[n, c, u, v] = Σ dy[n, o, p, q] · w[o, c, i, j] over all that read it, (N, C, H, W)."""
    dz = batch_last(dy)
    name = algorithm or best_input_gradient(Shape(len(dy), weight.shape[1], len(weight), grid))
    return batch_first(INPUT_GRADIENTS[name].run(dz, weight, grid))


def _forward(z: Array, weight: Array, bias: Array | None, grid: Grid, algorithm: str | None = None) -> Array:
    """y (O, OH, OW, N) of z (C, H, W, N)."""
    rows, cols = grid
    y = np.empty((len(weight), rows.out, cols.out, z.shape[3]), z.dtype)
    name = algorithm or best_forward(Shape(z.shape[3], len(z), len(weight), grid))
    FORWARDS[name].run(z, weight, bias, grid, y)
    return y


def _one_product(matrix: Callable[[Array, Grid], Array]) -> Callable[..., None]:
    """The forward y = w X with the images as one matrix X."""

    def run(z: Array, weight: Array, bias: Array | None, grid: Grid, y: Array) -> None:
        flat, w, x = _flat(y), _flat(weight), matrix(z, grid)
        if len(x) == 1:  # an outer product, for which BLAS takes four to fourteen times as long
            np.multiply(w, x, out=flat)
        else:
            np.matmul(w, x, out=flat)
        if bias is not None:
            flat += bias[:, None]

    return run


def _banded_forward(z: Array, weight: Array, bias: Array | None, grid: Grid, y: Array) -> None:
    """W X band by band."""
    q = best_band(Shape(z.shape[3], len(z), len(weight), grid))
    w = band(weight, grid[0], q)
    for (down, across), matrices in _blocks(z, grid, q):
        part = y[:, down, across]
        if q == 1:
            _multiply(w, matrices, _bands(part, _ALL, 1))
        else:
            made = (w @ matrices).reshape(-1, len(y), q, *part.shape[2:])
            part.reshape(len(y), -1, q, *part.shape[2:])[...] = made.transpose(1, 0, 2, 3, 4)
        if bias is not None:
            part += bias[:, None, None, None]


def _one_product_gradient(matrix: Callable[[Array, Grid], Array]) -> Callable[[Array, Array, Grid], Array]:
    """The weight gradient (X dyᵀ)ᵀ with the images as one matrix X."""

    def run(z: Array, dz: Array, grid: Grid) -> Array:
        rows, cols = grid
        dw = (matrix(z, grid) @ _flat(dz).T).T
        return np.ascontiguousarray(dw).reshape(len(dz), len(z), rows.kernel, cols.kernel)

    return run


def _banded_gradient(z: Array, dz: Array, grid: Grid) -> Array:
    """(Σ X dyᵀ)ᵀ over all bands, folded."""
    rows, cols = grid
    q = best_band(Shape(z.shape[3], len(z), len(dz), grid))
    parts = (
        np.add.reduce(x_bands @ _bands(dz, box, q).transpose(0, 2, 1), axis=0) for box, x_bands in _blocks(z, grid, q)
    )
    dband: Array = reduce(np.add, parts)
    return band_adjoint(np.ascontiguousarray(dband.T), (len(dz), len(z), rows.kernel, cols.kernel), rows, q)


def _blocks(z: Array, grid: Grid, q: int) -> Iterator[tuple[Box, Array]]:
    """The boxes of y in turn, each with the matrices X of its bands; the matrices live until the next box."""
    parts = _boxes(len(z) * z.shape[3] * z.itemsize, grid, q, PIECE, BLOCK)
    memory = None
    if len(parts) > 1:
        rows, cols = parts[0][1]  # the first box is the largest
        memory = np.empty(rows.padded * len(z) * cols.kernel * cols.out * z.shape[3], z.dtype)
    for box, part in parts:
        yield box, windows(unroll(z, part, memory), part[0], q)


@lru_cache(maxsize=256)
def _boxes(pixel: int, grid: Grid, q: int, piece: int, block: int) -> list[tuple[Box, Grid]]:
    """Boxes of y, and the part of the grid that each reads; `pixel` is the bytes of one pixel of the whole batch."""
    rows, cols = grid
    one = pixel * cols.kernel  # bytes of an unrolled row for one window
    wide = _even(cols.out, max(piece // (one * rows.reach(q)), -(-4096 // pixel)))
    high = q * _even(rows.out // q, max(block // (one * wide * rows.stride) - rows.kernel, 4) // q + 1)
    return [
        ((slice(top, bottom), slice(left, right)), (rows.part(top, bottom), cols.part(left, right)))
        for left, right in _pieces(cols.out, wide)
        for top, bottom in _pieces(rows.out, high)
    ]


def _pieces(length: int, size: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + size, length)) for start in range(0, length, size))


def _even(length: int, most: int) -> int:
    """The size of equal pieces of a length, none above `most`."""
    return -(-length // -(-length // min(most, length)))


def _bands(z: Array, box: Box, q: int) -> Array:
    """A box of z (C, H, W, N) as matrices (rows / q, C · q, W · N), a view where q is 1."""
    part = z[:, box[0], box[1]]
    split = part.reshape(len(z), -1, q, part.shape[2] * part.shape[3])
    return split.transpose(1, 0, 2, 3).reshape(split.shape[1], -1, split.shape[3])


_ALL = slice(None), slice(None)


def _multiply(w: Array, matrices: Array, out: Array) -> None:
    """w times each matrix, (…, k, n) into (…, m, n), in pieces of columns where BLAS multiplies those unpacked."""
    pieces = _unpacked(*w.shape, out.shape[-1])
    if pieces > 1:
        np.matmul(w, _cut(matrices, pieces), out=_cut(out, pieces))
    else:
        np.matmul(w, matrices, out=out)


def _cut(matrices: Array, pieces: int) -> Array:
    """(…, k, n) as (…, pieces, k, n / pieces), a view: only the densest axis is split."""
    return matrices.reshape(*matrices.shape[:-1], pieces, -1).swapaxes(-3, -2)


@lru_cache(maxsize=256)
def _unpacked(m: int, k: int, n: int) -> int:
    """Into how many pieces of columns a product (m, k)·(k, n) is cut: 0 where packing pays or pieces get narrow."""
    if min(m, k) > THIN:
        return 0
    wide = (p for p in range(1, n // 64 + 1) if n % p == 0)
    return next((p for p in wide if m * k * n <= UNPACKED * p), 0)


def _pointwise_gradient(dz: Array, weight: Array, grid: Grid) -> Array:
    """One plain product, Wᵀ dy."""
    return (_flat(weight).T @ _flat(dz)).reshape(weight.shape[1], *dz.shape[1:])


def _flipped_gradient(dz: Array, weight: Array, grid: Grid) -> Array:
    """The forward of dy with the kernel flipped, inputs and outputs swapped, and padding k - 1 - a."""
    return _forward(dz, weight[:, :, ::-1, ::-1].swapaxes(0, 1), None, _flipped(grid))


def _scattered_gradient(dz: Array, weight: Array, grid: Grid) -> Array:
    """Wᵀ dy band by band, its rows at once added to the rows that were read, while the cache holds them; then taps."""
    rows, cols = grid
    q = best_scatter(Shape(dz.shape[3], weight.shape[1], len(dz), grid))
    w, row = band(weight, rows, q).T, (weight.shape[1], cols.kernel, cols.out, dz.shape[3])
    dwindows = np.empty((rows.reach(q), *row), dz.dtype)
    dmatrix, dy_bands = dwindows.reshape(len(w), -1), _bands(dz, _ALL, q)
    if q == rows.out and len(dwindows) == rows.padded:
        _multiply(w, dy_bands[0], dmatrix)
        return unroll_adjoint(dwindows, grid)
    dunrolled = np.zeros((rows.padded, *row), dz.dtype)
    for i, dy_band in enumerate(dy_bands):
        _multiply(w, dy_band, dmatrix)
        top = i * q * rows.stride
        dunrolled[top : top + len(dwindows)] += dwindows
    return unroll_adjoint(dunrolled, grid)


@lru_cache(maxsize=256)
def _flipped(grid: Grid) -> Grid:
    rows, cols = (Axis(a.out, a.kernel, 1, a.kernel - 1 - a.before, a.size + a.before - a.out) for a in grid)
    return rows, cols


def _flat(a: Array) -> Array:
    return a.reshape(len(a), -1)


def _pixels(z: Array, grid: Grid) -> Array:
    """Every pixel as a column, (C, H · W · N): the windows of one element."""
    return _flat(z)


class Algorithm(NamedTuple):
    """One algorithm: what it accepts, what it costs in multiply-adds, and how it runs."""

    accepts: Callable[[Grid], bool]
    cost: Callable[[Shape], float]
    run: Callable[..., Any]


def _any(grid: Grid) -> bool:
    return True


def _pointwise(grid: Grid) -> bool:
    return all(a.kernel == a.stride == 1 and a.padded == a.size for a in grid)


def _flips(grid: Grid) -> bool:
    return all(a.stride == 1 and max(a.before, a.after) < a.kernel for a in grid)


def _winograd(grid: Grid) -> bool:
    return grid[1].kernel == 3 and grid[1].stride == 1 and all(min(a.before, a.after) >= 0 for a in grid)


def _free(shape: Shape) -> float:
    """Of what nothing else can beat."""
    return 0


def _product_cost(m: int, k: int, n: int) -> float:
    return m * k * n * (1 + SLENDER / m + NARROW / n) + CALL


def _pieces_cost(m: int, k: int, n: int) -> float:
    """Of `_multiply`."""
    return m * k * n + CALL if _unpacked(m, k, n) else _product_cost(m, k, n)


def _columns_cost(shape: Shape) -> float:
    """Of copying all windows, less where the cache holds them and y."""
    windows = shape.n * shape.grid[0].out * shape.grid[1].out
    window = _window(shape)
    return windows * window * (MOVE_NEAR if _near(windows * (window + shape.o)) else MOVE)


def _columns_forward_cost(shape: Shape) -> float:
    n, _, o, (rows, cols) = shape
    return _product_cost(o, _window(shape), rows.out * cols.out * n) + _columns_cost(shape)


def _columns_gradient_cost(shape: Shape) -> float:
    n, _, o, (rows, cols) = shape
    return _product_cost(_window(shape), rows.out * cols.out * n, o) + _columns_cost(shape)


def _window(shape: Shape) -> int:
    """Numbers in a window."""
    return shape.c * shape.grid[0].kernel * shape.grid[1].kernel


def _bands_cost(shape: Shape, q: int) -> float:
    """Of W X for all bands, and of bringing q rows in order."""
    n, c, o, (rows, cols) = shape
    cost = _pieces_cost if q == 1 else _product_cost
    product = cost(o * q, rows.reach(q) * c * cols.kernel, cols.out * n)
    return rows.out // q * product + (n * o * rows.out * cols.out * MOVE if q > 1 else 0)


def _unrolling_cost(shape: Shape) -> float:
    n, c, _, (rows, cols) = shape
    made = n * c * rows.padded * cols.kernel * cols.out
    return made * (MOVE_NEAR if _near(made) else MOVE)


def _bands_forward_cost(shape: Shape) -> float:
    return _bands_cost(shape, best_band(shape)) + _unrolling_cost(shape)


def _bands_gradient_cost(shape: Shape) -> float:
    """Of X dyᵀ for all bands, and of their sum."""
    n, c, o, (rows, cols) = shape
    q = best_band(shape)
    read = rows.reach(q) * c * cols.kernel
    product = _product_cost(read, cols.out * n, o * q)
    return rows.out // q * (product + read * o * q * ADD) + _unrolling_cost(shape)


def _winograd_forward_cost(shape: Shape) -> float:
    n, c, o, (rows, cols) = shape
    product = _product_cost(o, rows.kernel * c, (cols.out + 1) // 2 * n)
    return 4 * rows.out * product + _winograd_moving_cost(shape)


def _winograd_gradient_cost(shape: Shape) -> float:
    """Of X dyᵀ for every row, and of their sum."""
    n, c, o, (rows, cols) = shape
    product = _product_cost(rows.kernel * c, (cols.out + 1) // 2 * n, o)
    return 4 * rows.out * (product + rows.kernel * c * o * ADD) + _winograd_moving_cost(shape)


def _winograd_moving_cost(shape: Shape) -> float:
    """Of parting columns and Bᵀ d, of Aᵀ m or A dy, and of G w."""
    n, c, o, (rows, cols) = shape
    read, made = c * rows.size * cols.size, o * rows.out * cols.out
    calls = 20 + 10 * rows.out
    return (3 * read + 2 * made) * n * MOVE + (read + made) * RUN + 6 * o * c * rows.kernel * MOVE + calls * CALL


def _scatter_cost(shape: Shape, q: int) -> float:
    n, c, o, (rows, cols) = shape
    row = c * cols.kernel
    product = _pieces_cost(rows.reach(q) * row, o * q, cols.out * n)
    made = rows.out // q * rows.reach(q) * row * cols.out * n
    added = (0 if q == rows.out else made) + row * cols.out * n * rows.size
    near = _near(made // 2)  # bands are added one by one as they are made, so up to twice the cache it goes well
    return rows.out // q * product + added * (ADD_NEAR if near else ADD)


def _near(numbers: int) -> bool:
    """Whether so many float32 numbers stay in the cache."""
    return 4 * numbers <= PIECE


def _flipped_cost(shape: Shape) -> float:
    n, c, o, grid = shape
    swapped = Shape(n, o, c, _flipped(grid))
    return FORWARDS[best_forward(swapped)].cost(swapped)


def _divisors(n: int) -> list[int]:
    return [q for q in range(1, n + 1) if n % q == 0]


@lru_cache(maxsize=256)
def best_band(shape: Shape) -> int:
    """The q that makes W X cheapest."""
    return min(_divisors(shape.grid[0].out), key=lambda q: _bands_cost(shape, q))


@lru_cache(maxsize=256)
def best_scatter(shape: Shape) -> int:
    """The q that makes Wᵀ dy and its sums cheapest."""
    return min(_divisors(shape.grid[0].out), key=lambda q: _scatter_cost(shape, q))


@lru_cache(maxsize=256)
def best_forward(shape: Shape) -> str:
    """The name of the cheapest forward that accepts the grid."""
    return _best(FORWARDS, shape)


@lru_cache(maxsize=256)
def best_weight_gradient(shape: Shape) -> str:
    """The name of the cheapest weight gradient that accepts the grid."""
    return _best(WEIGHT_GRADIENTS, shape)


@lru_cache(maxsize=256)
def best_input_gradient(shape: Shape) -> str:
    """The name of the cheapest input gradient that accepts the grid."""
    return _best(INPUT_GRADIENTS, shape)


def _best(algorithms: dict[str, Algorithm], shape: Shape) -> str:
    able = [name for name, algorithm in algorithms.items() if algorithm.accepts(shape.grid)]
    return min(able, key=lambda name: algorithms[name].cost(shape))


FORWARDS = {
    "pointwise": Algorithm(_pointwise, _free, _one_product(_pixels)),
    "columns": Algorithm(_any, _columns_forward_cost, _one_product(columns)),
    "bands": Algorithm(_any, _bands_forward_cost, _banded_forward),
    "winograd": Algorithm(_winograd, _winograd_forward_cost, winograd_forward),
}
WEIGHT_GRADIENTS = {
    "pointwise": Algorithm(_pointwise, _free, _one_product_gradient(_pixels)),
    "columns": Algorithm(_any, _columns_gradient_cost, _one_product_gradient(columns)),
    "bands": Algorithm(_any, _bands_gradient_cost, _banded_gradient),
    "winograd": Algorithm(_winograd, _winograd_gradient_cost, winograd_gradient),
}
INPUT_GRADIENTS = {
    "pointwise": Algorithm(_pointwise, _free, _pointwise_gradient),
    "flipped": Algorithm(_flips, _flipped_cost, _flipped_gradient),
    "scattered": Algorithm(_any, lambda shape: _scatter_cost(shape, best_scatter(shape)), _scattered_gradient),
}
