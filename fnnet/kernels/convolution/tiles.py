"""Convolution with 3 × 3 kernels and stride 1 by Winograd's minimal filtering F(4 × 4, 3 × 3), tile by tile.

A tile of 4 × 4 outputs reads 6 × 6 elements d. With two points p and q and

    Bᵀ = ⎡p²q²   0   -p²-q²   0    1  0⎤      G = ⎡(1  0  0) / p²q²  ⎤      Aᵀ = ⎡1  1   1   1   1  0⎤
         ⎢ 0   -pq²    -q²    p    1  0⎥          ⎢(1  p  p²) / P     ⎥           ⎢0  p  -p   q  -q  0⎥
         ⎢ 0    pq²    -q²   -p    1  0⎥          ⎢(1 -p  p²) / P     ⎥           ⎢0  p²  p²  q²  q² 0⎥
         ⎢ 0   -p²q    -p²    q    1  0⎥          ⎢(1  q  q²) / Q     ⎥           ⎣0  p³ -p³  q³ -q³ 1⎦
         ⎢ 0    p²q    -p²   -q    1  0⎥          ⎢(1 -q  q²) / Q     ⎥
         ⎣ 0   p²q²     0   -p²-q² 0  1⎦          ⎣ 0  0  1           ⎦   P = 2p²(p² - q²),  Q = 2q²(q² - p²)

and ⊙ the product element by element,

    forward:          y  = Aᵀ (G w Gᵀ ⊙ Bᵀ d B) A      summed over input channels
    weight gradient:  dw = Gᵀ (A dy Aᵀ ⊙ Bᵀ d B) G     summed over all tiles

so that the sum is one product of matrices for each of the 36 elements: 36 multiplications where 16 windows have 144.
A matrix on both sides of a tile is one, M ⊗ M, on the tile as a vector: that too is one product, for all tiles and
channels. Tiles are copied with their element in front, (6, 6, C, rows, columns, N), some rows of tiles at a time.

*Points.* p = ⅔ and q = 3/2. In float32, on random images with and without a mean and after ReLU, the error, root mean
square, was 4 times that of plain summation with 32 channels, twice with 256, as its own grows with them; with the usual
1 and 2 it is twice as large, the largest three times. On fractions all is exact. What is not finite spoils its tiles.

Source: Lavin & Gray 2016, "Fast algorithms for convolutional neural networks", sec. 4.2; the matrices for any
points by the rule of Toom and Cook.
"""

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

import numpy as np

from fnnet.kernels.convolution.products import multiplied
from fnnet.kernels.order import on_lines
from fnnet.kernels.windows import Axis, Grid
from fnnet.types import Array

TILE_ROOM = 5 * 2**20  # bytes of tiles at a time


def tiled_forward(z: Array, weight: Array, bias: Array | None, grid: Grid, y: Array) -> None:
    """y (O, OH, OW, N) of z (C, H, W, N) and weight (O, C, 3, 3)."""
    a, b, g = _matrices(z.dtype)
    kernels = _mixed(g, np.ascontiguousarray(weight.transpose(2, 3, 0, 1)).reshape(9, len(y), len(z)))
    for read, made in _tile_rows(grid, z, y):
        tiles = _mixed(a, _times(kernels, _mixed(b, _cut_tiles(z, read))))
        if bias is not None:
            tiles += bias[:, None]
        _put(tiles, y, made)


def tiled_gradient(z: Array, dz: Array, grid: Grid) -> Array:
    """dw (O, C, 3, 3) of z (C, H, W, N) and dz (O, OH, OW, N)."""
    a, b, g = _matrices(z.dtype)
    dkernels = np.zeros((36, len(dz), len(z)), z.dtype)
    for read, made in _tile_rows(grid, z, dz):
        x = _mixed(b, _cut_tiles(z, read))
        dkernels += _mixed(a.T, _cut_tiles(dz, made)) @ x.swapaxes(1, 2)
    dw = _mixed(g.T, dkernels).reshape(3, 3, len(dz), len(z))
    return np.ascontiguousarray(dw.transpose(2, 3, 0, 1))


@lru_cache(maxsize=16)
def _matrices(dtype: np.dtype) -> tuple[Array, Array, Array]:
    """Aᵀ ⊗ Aᵀ, Bᵀ ⊗ Bᵀ and G ⊗ G, rounded once."""
    p, q = Fraction(2, 3), Fraction(3, 2)
    points = [Fraction(0), p, -p, q, -q]
    a = [[point**i for point in points] + [int(i == 3)] for i in range(4)]
    b = [
        [p**2 * q**2, 0, -(p**2) - q**2, 0, 1, 0],
        *([0, -r * s**2, -(s**2), r, 1, 0] for r, s in ((p, q), (-p, q), (q, p), (-q, p))),
        [0, p**2 * q**2, 0, -(p**2) - q**2, 0, 1],
    ]
    over = p**2 * q**2, *(2 * r**2 * (r**2 - s**2) for r, s in ((p, q), (p, q), (q, p), (q, p)))
    g = [[point**i / bottom for i in range(3)] for point, bottom in zip(points, over, strict=True)] + [[0, 0, 1]]
    both = [np.kron(own, own).astype(dtype) for own in (np.array(matrix, object) for matrix in (a, b, g))]
    return both[0], both[1], both[2]


def _tile_rows(grid: Grid, *images: Array) -> Iterator[tuple[Grid, Grid]]:
    """Of one block of rows of tiles after the other, the windows of 6 × 6 elements of x and those of 4 × 4 of y."""
    (read, across), (made, along) = zip(*map(_tile_axes, grid), strict=True)
    row = 36 * max(map(len, images)) * across.out * images[0].shape[3] * images[0].itemsize
    blocks = -(-read.out // max(TILE_ROOM // row, 1))
    high = -(-read.out // blocks)
    for top in range(0, read.out, high):
        bottom = min(top + high, read.out)
        yield (read.part(top, bottom), across), (made.part(top, bottom), along)


@lru_cache(maxsize=256)
def _tile_axes(axis: Axis) -> tuple[Axis, Axis]:
    """Where the tiles along an axis lie in x and in y."""
    tiles = -(-axis.out // 4)
    after = 4 * tiles + 2 - axis.before - axis.size
    return Axis(axis.size, 6, 4, axis.before, after), Axis(axis.out, 4, 4, 0, 4 * tiles - axis.out)


def _cut_tiles(z: Array, grid: Grid) -> Array:
    """All windows of z (C, H, W, N), 0 outside: (kH · kW, C, OH · OW · N)."""
    rows, cols = grid
    tiles = on_lines((rows.kernel, cols.kernel, len(z), rows.out, cols.out, z.shape[3]), z.dtype)
    for i, (down, at_row) in enumerate(rows.taps):
        tiles[i, :, :, : down.start] = tiles[i, :, :, down.stop :] = 0
        for j, (across, at_col) in enumerate(cols.taps):
            part = tiles[i, j, :, down]
            part[:, :, : across.start] = part[:, :, across.stop :] = 0
            part[:, :, across] = z[:, at_row, at_col]
    return tiles.reshape(rows.kernel * cols.kernel, len(z), -1)


def _put(tiles: Array, y: Array, grid: Grid) -> None:
    """Tiles (16, O, rows · columns · N) to where they lie in y (O, OH, OW, N)."""
    rows, cols = grid
    tiles = tiles.reshape(4, 4, len(y), rows.out, cols.out, -1)
    for i, (down, at_row) in enumerate(rows.taps):
        for j, (across, at_col) in enumerate(cols.taps):
            y[:, at_row, at_col] = tiles[i, j, :, down, across]


def _mixed(matrix: Array, tiles: Array) -> Array:
    """M ⊗ M times the tiles as vectors, (k, C, n) into (m, C, n)."""
    return _times(matrix, tiles.reshape(len(tiles), -1)).reshape(len(matrix), *tiles.shape[1:])


def _times(w: Array, x: Array) -> Array:
    made = on_lines((*w.shape[:-1], x.shape[-1]), x.dtype)
    multiplied(w, x, made)
    return made
