"""What a convolution costs by each algorithm, counted in multiply-adds.

A product (m, k)·(k, n) costs m·k·n·(1 + SLENDER / m + NARROW / n) and CALL, as BLAS packs its operands for m and n
uses. W X (q = 1), Wᵀ dy and Winograd's forward are cut into pieces of columns so small (UNPACKED) that BLAS on
AVX-512 multiplies them as they lie, on one thread, for m·k·n and CALL: half to three quarters of the time. LEAST
columns have to fit in, and where both m and k are above THIN, a piece must fill REGISTERS. A number that NumPy moves
(read, write) costs MOVE, one that it adds to memory ADD, as many as BLAS multiplies in that time; MOVE_NEAR and
ADD_NEAR where the cache holds them all. Bytes: unrolling writes C·kW·H·W·N numbers and BLAS reads each kH times, from
the cache, for rows are unrolled in blocks: as wide as lets one matrix X stay in PIECE bytes, as high as BLOCK.
"""

from functools import lru_cache
from typing import NamedTuple

from fnnet.kernels.windows import Grid

PIECE, BLOCK = 2**21, 2**23  # bytes; the L2 caches of two cores, and what lies in reach beyond them
SLENDER, NARROW, CALL = 20, 16, 40_000  # measured on AVX-512 with OpenBLAS, one thread;
MOVE, ADD, MOVE_NEAR, ADD_NEAR = 40, 50, 15, 12  # only the choice of an algorithm depends on these
UNPACKED, LEAST, THIN, REGISTERS = 1_000_000, 64, 24, 32  # of a product better not packed
RUN = 300  # of every piece of memory that NumPy goes over with a stride


class Work(NamedTuple):
    """What the cost of a convolution depends on."""

    n: int
    c: int
    o: int
    grid: Grid


@lru_cache(maxsize=256)
def unpacked(m: int, k: int, n: int) -> int:
    """Into how many pieces of columns a product (m, k)·(k, n) is cut: 0 where packing pays or pieces get narrow."""
    least, even = (LEAST, 1) if min(m, k) <= THIN else (REGISTERS, REGISTERS)
    cuts = (p for p in range(1, n // least + 1) if n % (p * even) == 0 and m * k * n <= UNPACKED * p)
    return next(cuts, 0) if m * k * LEAST <= UNPACKED else 0


def product_cost(m: int, k: int, n: int) -> float:
    """Of a product (m, k)·(k, n)."""
    return m * k * n * (1 + SLENDER / m + NARROW / n) + CALL


def pieces_cost(m: int, k: int, n: int) -> float:
    """Of `multiply`."""
    return m * k * n + CALL if unpacked(m, k, n) else product_cost(m, k, n)


def columns_cost(work: Work) -> float:
    """Of copying all windows, less where the cache holds them and y."""
    windows = work.n * work.grid[0].out * work.grid[1].out
    window = _window(work)
    return windows * window * (MOVE_NEAR if _near(windows * (window + work.o)) else MOVE)


def columns_forward_cost(work: Work) -> float:
    """Of the windows as columns, and one product w X."""
    n, _, o, (rows, cols) = work
    return product_cost(o, _window(work), rows.out * cols.out * n) + columns_cost(work)


def columns_gradient_cost(work: Work) -> float:
    """Of the windows as columns, and one product X dyᵀ."""
    n, _, o, (rows, cols) = work
    return product_cost(_window(work), rows.out * cols.out * n, o) + columns_cost(work)


def _window(work: Work) -> int:
    """Numbers in a window."""
    return work.c * work.grid[0].kernel * work.grid[1].kernel


def bands_cost(work: Work, q: int) -> float:
    """Of W X for all bands, and of bringing q rows in order."""
    n, c, o, (rows, cols) = work
    cost = pieces_cost if q == 1 else product_cost
    product = cost(o * q, rows.reach(q) * c * cols.kernel, cols.out * n)
    return rows.out // q * product + (n * o * rows.out * cols.out * MOVE if q > 1 else 0)


def unrolling_cost(work: Work) -> float:
    """Of unrolling all rows."""
    n, c, _, (rows, cols) = work
    made = n * c * rows.padded * cols.kernel * cols.out
    return made * (MOVE_NEAR if _near(made) else MOVE)


def bands_forward_cost(work: Work) -> float:
    """Of unrolling and of W X for all bands."""
    return bands_cost(work, best_band(work)) + unrolling_cost(work)


def bands_gradient_cost(work: Work) -> float:
    """Of X dyᵀ for all bands, and of their sum."""
    n, c, o, (rows, cols) = work
    q = best_band(work)
    read = rows.reach(q) * c * cols.kernel
    product = product_cost(read, cols.out * n, o * q)
    return rows.out // q * (product + read * o * q * ADD) + unrolling_cost(work)


def winograd_forward_cost(work: Work) -> float:
    """Of four products for every row, and of what is moved for them."""
    n, c, o, (rows, cols) = work
    product = pieces_cost(o, rows.kernel * c, (cols.out + 1) // 2 * n)
    return 4 * rows.out * product + winograd_moving_cost(work)


def winograd_gradient_cost(work: Work) -> float:
    """Of X dyᵀ for every row, and of their sum."""
    n, c, o, (rows, cols) = work
    product = product_cost(rows.kernel * c, (cols.out + 1) // 2 * n, o)
    return 4 * rows.out * (product + rows.kernel * c * o * ADD) + winograd_moving_cost(work)


def winograd_moving_cost(work: Work) -> float:
    """Of parting columns and Bᵀ d, of Aᵀ m or A dy, and of G w."""
    n, c, o, (rows, cols) = work
    read, made = c * rows.size * cols.size, o * rows.out * cols.out
    calls = 20 + 10 * rows.out
    return (3 * read + 2 * made) * n * MOVE + (read + made) * RUN + 6 * o * c * rows.kernel * MOVE + calls * CALL


def tiles_forward_cost(work: Work) -> float:
    """Of 36 products, of Aᵀ m A, and of what goes before and behind."""
    many = tiles_of(work)
    return 36 * pieces_cost(work.o, work.c, many) + pieces_cost(16, 36, work.o * many) + tiles_moving_cost(work)


def tiles_gradient_cost(work: Work) -> float:
    """Of 36 products dy Xᵀ and their sums, of A dy Aᵀ, and of what goes before and behind."""
    many, kernel = tiles_of(work), work.c * work.o
    product = product_cost(work.o, many, work.c) + kernel * ADD
    return 36 * product + pieces_cost(36, 16, work.o * many) + tiles_moving_cost(work)


def tiles_moving_cost(work: Work) -> float:
    """Of Bᵀ d B and G w Gᵀ, of copies of x and y tile by tile, and of all that is mixed, which the cache holds."""
    _, c, o, (rows, _) = work
    many, kernel = tiles_of(work), o * c
    mixed = pieces_cost(36, 36, c * many) + pieces_cost(36, 9, kernel)
    copied, runs = 36 * c * many + 16 * o * many, (36 * c + 16 * o) * -(-rows.out // 4)
    return mixed + (copied + 45 * kernel) * MOVE + 36 * (c + o) * many * MOVE_NEAR + runs * RUN + 100 * CALL


def tiles_of(work: Work) -> int:
    """Tiles of 4 × 4 outputs in all images."""
    rows, cols = work.grid
    return work.n * -(-rows.out // 4) * -(-cols.out // 4)


def scatter_cost(work: Work, q: int) -> float:
    """Of Wᵀ dy for all bands, and of adding up rows and taps."""
    n, c, o, (rows, cols) = work
    row = c * cols.kernel
    product = pieces_cost(rows.reach(q) * row, o * q, cols.out * n)
    made = rows.out // q * rows.reach(q) * row * cols.out * n
    added = (0 if q == rows.out else made) + row * cols.out * n * rows.size
    near = _near(made // 2)  # bands are added one by one as they are made, so up to twice the cache it goes well
    return rows.out // q * product + added * (ADD_NEAR if near else ADD)


def _near(numbers: int) -> bool:
    """Whether so many float32 numbers stay in the cache."""
    return 4 * numbers <= PIECE


def _divisors(n: int) -> list[int]:
    return [q for q in range(1, n + 1) if n % q == 0]


@lru_cache(maxsize=256)
def best_band(work: Work) -> int:
    """The q that makes W X cheapest."""
    return min(_divisors(work.grid[0].out), key=lambda q: bands_cost(work, q))


@lru_cache(maxsize=256)
def best_scatter(work: Work) -> int:
    """The q that makes Wᵀ dy and its sums cheapest."""
    return min(_divisors(work.grid[0].out), key=lambda q: scatter_cost(work, q))
