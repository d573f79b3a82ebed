"""The cost rule of convolutions: its counts are those of the algorithms at work, and the cheapest is chosen.

Multiplications are counted by numbers that do nothing else, sent through the algorithms themselves.
"""

from unittest.mock import patch

import numpy as np
import pytest

from fnnet.kernels.convolution.choice import Algorithm
from fnnet.kernels.convolution.cost import Work
from fnnet.kernels.convolution.unrolling import columns, unroll
from fnnet.kernels.order import batch_last
from fnnet.kernels.windows import Axis
from tests.kernels.rooms import convolution

UNITS = ("SLENDER", "NARROW", "CALL", "MOVE", "ADD", "MOVE_NEAR", "ADD_NEAR", "RUN")
GRIDS = [
    (Axis(6, 3), Axis(7, 2, 2)),
    (Axis(7, 2, 2), Axis(5, 3)),  # rows of windows that lie apart; columns for Winograd
    (Axis(4, 3), Axis(6, 3)),
]
SIZES = {"n": 2, "c": 4, "o": 5}
SHAPES = [Work(**SIZES, grid=grid) for grid in GRIDS]
WINOGRAD = SHAPES[1:]

per_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)
per_winograd = pytest.mark.parametrize("shape", WINOGRAD, ids=str)


class Number:
    """It counts the multiplications it takes part in."""

    made = 0

    def __mul__(self, other):
        Number.made += 1
        return self

    def __add__(self, other):
        return self

    __rmul__, __radd__, __sub__, __rsub__, __truediv__ = __mul__, __add__, __add__, __add__, __add__

    def __neg__(self):
        return self


def numbers(*shape):
    return np.array([Number() for _ in range(np.prod(shape))], object).reshape(shape)


def multiplications(run, *arguments):
    """How many a convolution makes."""
    before = Number.made
    run(*arguments)
    return Number.made - before


def x_of(shape):
    return numbers(shape.n, shape.c, *(axis.size for axis in shape.grid))


def weight_of(shape):
    return numbers(shape.o, shape.c, *(axis.kernel for axis in shape.grid))


def dy_of(shape):
    return numbers(shape.n, shape.o, *(axis.out for axis in shape.grid))


def priced(cost, *arguments, piece=0, pieces=0, **units):
    """A cost where all units but the given ones cost nothing."""
    units = {**dict.fromkeys(UNITS, 0), **units}
    with convolution.patched(PIECE=piece, unpacked=lambda m, k, n: pieces, **units):
        return cost(*arguments)


def paid(cost, *arguments, **options):
    """How many of each unit a cost has, beside its multiplications."""
    free = priced(cost, *arguments, **options)
    counts = {unit: priced(cost, *arguments, **options, **{unit: 1}) - free for unit in UNITS}
    return {unit: pytest.approx(count) for unit, count in counts.items() if count}


def without_memory(function):
    """The function that a cache remembers the answers of."""
    return function.__wrapped__ if hasattr(function, "cache_clear") else function


def with_band(q):
    return convolution.patched(best_band=lambda shape: q, best_scatter=lambda shape: q)


def bands_of(shape):
    return [q for q in range(1, shape.grid[0].out + 1) if shape.grid[0].out % q == 0]


def test_a_product_costs_its_multiplications_its_packing_and_a_call():
    assert priced(convolution.product_cost, 2, 3, 5) == 2 * 3 * 5
    assert paid(convolution.product_cost, 2, 3, 5) == {"SLENDER": 3 * 5, "NARROW": 2 * 3, "CALL": 1}
    assert paid(convolution.pieces_cost, 2, 3, 5) == {"SLENDER": 3 * 5, "NARROW": 2 * 3, "CALL": 1}
    assert paid(convolution.pieces_cost, 2, 3, 5, pieces=1) == {"CALL": 1}
    assert priced(convolution.pieces_cost, 2, 3, 5, pieces=1) == 2 * 3 * 5


@per_shape
def test_multiplications_of_columns(shape):
    forward = multiplications(convolution.convolve, x_of(shape), weight_of(shape), None, shape.grid, "columns")
    assert priced(convolution.columns_forward_cost, shape) == forward
    gradient = multiplications(convolution.convolve_weight_gradient, x_of(shape), dy_of(shape), shape.grid, "columns")
    assert priced(convolution.columns_gradient_cost, shape) == gradient


@per_shape
def test_what_columns_pay_beside(shape):
    matrix = columns(batch_last(x_of(shape)), shape.grid)
    window, places = matrix.shape
    y = dy_of(shape).size
    assert paid(convolution.columns_forward_cost, shape) == {
        "SLENDER": window * places,
        "NARROW": shape.o * window,
        "CALL": 1,
        "MOVE": matrix.size,
    }
    assert paid(convolution.columns_gradient_cost, shape) == {
        "SLENDER": places * shape.o,
        "NARROW": window * places,
        "CALL": 1,
        "MOVE": matrix.size,
    }
    assert paid(convolution.columns_cost, shape, piece=4 * (matrix.size + y)) == {"MOVE_NEAR": matrix.size}
    assert paid(convolution.columns_cost, shape, piece=4 * (matrix.size + y) - 1) == {"MOVE": matrix.size}


@per_shape
def test_bands(shape):
    (rows, _), unrolled = shape.grid, unroll(batch_last(x_of(shape)), shape.grid)
    y, height = dy_of(shape).size, unrolled[0].size
    for q in bands_of(shape):
        bands, read = rows.out // q, rows.reach(q) * height  # numbers in the matrix X of a band
        tall, wide = shape.o * q, y // shape.o // rows.out
        with with_band(q):
            forward = multiplications(convolution.convolve, x_of(shape), weight_of(shape), None, shape.grid, "bands")
            assert priced(convolution.bands_forward_cost, shape) == forward
            assert paid(convolution.bands_forward_cost, shape) == {
                "SLENDER": bands * read,
                "NARROW": bands * tall * read // wide,
                "CALL": bands,
                "MOVE": unrolled.size + (y if q > 1 else 0),
            }
            thin = paid(convolution.bands_forward_cost, shape, pieces=2)
            assert thin.keys() == ({"CALL", "MOVE"} if q == 1 else {"SLENDER", "NARROW", "CALL", "MOVE"})
            x, dy = x_of(shape), dy_of(shape)
            gradient = multiplications(convolution.convolve_weight_gradient, x, dy, shape.grid, "bands")
            assert priced(convolution.bands_gradient_cost, shape) == gradient
            assert paid(convolution.bands_gradient_cost, shape) == {
                "SLENDER": bands * wide * tall,
                "NARROW": bands * read,
                "CALL": bands,
                "MOVE": unrolled.size,
                "ADD": bands * tall * read // wide,  # the bands' gradients, to be summed
            }
    assert paid(convolution.unrolling_cost, shape, piece=4 * unrolled.size) == {"MOVE_NEAR": unrolled.size}
    assert paid(convolution.unrolling_cost, shape, piece=4 * unrolled.size - 1) == {"MOVE": unrolled.size}


def test_unrolled_padding_is_written_too():
    shape = Work(**SIZES, grid=(Axis(4, 3, 1, 1, 2), Axis(5, 3, 2, 1, 1)))
    assert paid(convolution.unrolling_cost, shape) == {"MOVE": unroll(batch_last(x_of(shape)), shape.grid).size}


@per_winograd
def test_winograd(shape):
    (rows, cols), weight = shape.grid, weight_of(shape)
    x, dy = x_of(shape), dy_of(shape)
    kernels = 4 * weight.size  # multiplications of G w, or of its adjoint
    forward = multiplications(convolution.convolve, x, weight, None, shape.grid, "winograd")
    gradient = multiplications(convolution.convolve_weight_gradient, x, dy, shape.grid, "winograd")
    assert priced(convolution.winograd_forward_cost, shape) == forward - kernels
    assert priced(convolution.winograd_gradient_cost, shape) == gradient - kernels
    pairs, tall, products = -(-cols.out // 2) * shape.n, rows.kernel * shape.c, 4 * rows.out
    moving = {
        "CALL": products + 20 + 10 * rows.out,
        "MOVE": 3 * x.size + 2 * dy.size + 2 * weight.size,  # 4 for 3 columns of w, and half as many again on the way
        "RUN": x[0].size + dy[0].size,
    }
    assert paid(convolution.winograd_forward_cost, shape) == {
        "SLENDER": products * tall * pairs,
        "NARROW": products * shape.o * tall,
        **moving,
    }
    assert paid(convolution.winograd_forward_cost, shape, pieces=2) == moving
    assert paid(convolution.winograd_gradient_cost, shape, pieces=2) == paid(convolution.winograd_gradient_cost, shape)
    assert paid(convolution.winograd_gradient_cost, shape) == {
        "SLENDER": products * pairs * shape.o,
        "NARROW": products * tall * pairs,
        "ADD": products * tall * shape.o,
        **moving,
    }


@pytest.mark.parametrize("rows", [Axis(6, 3), Axis(10, 3)], ids=str)  # whole tiles; 0 counts nothing
def test_tiles(rows):
    shape = Work(**SIZES, grid=(rows, Axis(6, 3)))
    x, weight, dy = x_of(shape), weight_of(shape), dy_of(shape)
    many = shape.n * -(-rows.out // 4)
    forward = multiplications(convolution.convolve, x, weight, None, shape.grid, "tiles")
    gradient = multiplications(convolution.convolve_weight_gradient, x, dy, shape.grid, "tiles")
    assert priced(convolution.tiles_forward_cost, shape) == forward
    assert priced(convolution.tiles_gradient_cost, shape) == gradient
    read, made, kernel = 36 * shape.c * many, 36 * shape.o * many, shape.c * shape.o
    moving = {
        "MOVE": read + 16 * shape.o * many + 45 * kernel,  # 6 × 6 of x, 4 × 4 of y; 9 of the kernel, and 36 made of it
        "MOVE_NEAR": read + made,
        "RUN": (36 * shape.c + 16 * shape.o) * (many // shape.n),  # one tile wide
    }
    assert paid(convolution.tiles_forward_cost, shape) == moving | {
        "SLENDER": read + read + made + 9 * kernel,  # k · n of the products, of Bᵀ d B, Aᵀ m A and G w Gᵀ
        "NARROW": 36 * kernel + 36 * 36 + 16 * 36 + 36 * 9,  # m · k
        "CALL": 36 + 3 + 100,
    }
    assert paid(convolution.tiles_gradient_cost, shape) == moving | {
        "SLENDER": read + read + 16 * shape.o * many + 9 * kernel,
        "NARROW": made + 36 * 36 + 36 * 16 + 36 * 9,
        "CALL": 36 + 3 + 100,
        "ADD": 36 * kernel,
    }
    pieces = {"pieces": 2}
    assert paid(convolution.tiles_forward_cost, shape, **pieces) == moving | {"CALL": 36 + 3 + 100}
    assert paid(convolution.tiles_gradient_cost, shape, **pieces) == moving | {
        "SLENDER": read,
        "NARROW": made,
        "CALL": 36 + 3 + 100,
        "ADD": 36 * kernel,
    }


@per_shape
def test_scattered(shape):
    (rows, _), unrolled = shape.grid, unroll(batch_last(x_of(shape)), shape.grid)
    height, wide = unrolled[0].size, dy_of(shape).size // shape.o // rows.out
    inside = rows.size * height
    for q in bands_of(shape):
        bands, made = rows.out // q, rows.reach(q) * height
        with with_band(q):
            dy, weight = dy_of(shape), weight_of(shape)
            count = multiplications(convolution.convolve_input_gradient, dy, weight, shape.grid, "scattered")
        assert priced(convolution.scatter_cost, shape, q) == count
        added = inside + (bands * made if bands > 1 else 0)
        assert paid(convolution.scatter_cost, shape, q) == {
            "SLENDER": bands * shape.o * q * wide,
            "NARROW": bands * made // wide * shape.o * q,
            "CALL": bands,
            "ADD": added,
        }
        assert paid(convolution.scatter_cost, shape, q, pieces=1) == {"CALL": bands, "ADD": added}
        half = bands * made // 2
        assert paid(convolution.scatter_cost, shape, q, pieces=1, piece=4 * half) == {"CALL": bands, "ADD_NEAR": added}
        assert paid(convolution.scatter_cost, shape, q, pieces=1, piece=4 * half - 1) == {"CALL": bands, "ADD": added}


def test_flipped_costs_what_the_forward_costs_that_it_makes():
    shape, asked = Work(**SIZES, grid=(Axis(6, 3, 1, 1, 0), Axis(5, 2, 1, 1, 1))), []

    def best(of):
        asked.append(of)
        return "columns"

    with convolution.patched(best_forward=best):
        cost = priced(convolution._flipped_cost, shape)
        run = convolution.convolve_input_gradient
        assert cost == multiplications(run, dy_of(shape), weight_of(shape), shape.grid, "flipped")
    assert asked[0] == asked[1] == Work(2, 5, 4, convolution._flipped(shape.grid))


@pytest.mark.parametrize(("best", "cost"), [("best_band", "bands_cost"), ("best_scatter", "scatter_cost")])
def test_the_best_band_is_the_cheapest_divisor(best, cost):
    shape, seen = SHAPES[1]._replace(grid=(Axis(14, 3), Axis(5, 3))), []
    choose = without_memory(getattr(convolution, best))
    with convolution.patched(**{cost: lambda of, q: seen.append((of, q)) or abs(q - 4)}):
        assert choose(shape) == 4
    assert seen == [(shape, q) for q in (1, 2, 3, 4, 6, 12)]


@pytest.mark.parametrize(
    ("best", "table"),
    [
        ("best_forward", "FORWARDS"),
        ("best_weight_gradient", "WEIGHT_GRADIENTS"),
        ("best_input_gradient", "INPUT_GRADIENTS"),
    ],
)
def test_the_best_algorithm_is_the_cheapest_that_accepts_the_grid(best, table):
    choose = without_memory(getattr(convolution, best))
    algorithms = {
        "dear": Algorithm(lambda grid: True, lambda shape: 3, None),
        "unable": Algorithm(lambda grid: grid != SHAPES[0].grid, lambda shape: 1, None),
        "cheap": Algorithm(lambda grid: True, lambda shape: 2 * shape.n, None),
    }
    with patch.dict(getattr(convolution, table), algorithms, clear=True):
        assert choose(SHAPES[0]._replace(n=1)) == "cheap"
        assert choose(SHAPES[0]) == "dear"
        assert choose(SHAPES[1]) == "unable"


def test_each_table_has_the_costs_of_its_algorithms():
    shape = WINOGRAD[1]
    for table, costs in {
        "FORWARDS": {
            "columns": convolution.columns_forward_cost,
            "bands": convolution.bands_forward_cost,
            "winograd": convolution.winograd_forward_cost,
            "tiles": convolution.tiles_forward_cost,
        },
        "WEIGHT_GRADIENTS": {
            "columns": convolution.columns_gradient_cost,
            "bands": convolution.bands_gradient_cost,
            "winograd": convolution.winograd_gradient_cost,
            "tiles": convolution.tiles_gradient_cost,
        },
        "INPUT_GRADIENTS": {
            "flipped": convolution._flipped_cost,
            "scattered": lambda of: convolution.scatter_cost(of, convolution.best_scatter(of)),
        },
    }.items():
        algorithms = getattr(convolution, table)
        assert algorithms.keys() == {"pointwise", *costs}
        assert algorithms["pointwise"].cost(shape) == 0
        assert {name: algorithms[name].cost(shape) for name in costs} == {name: f(shape) for name, f in costs.items()}


def test_a_convolution_is_chosen_by_its_own_sizes_and_runs_as_it_is_told():
    shape = SHAPES[0]
    x, weight, dy, grid = x_of(shape), weight_of(shape), dy_of(shape), shape.grid
    asked = []

    def asking(kind, name):
        return lambda of: asked.append((kind, of)) or name

    chosen = convolution.patched(
        best_forward=asking("forward", "columns"),
        best_weight_gradient=asking("weight", "columns"),
        best_input_gradient=asking("input", "scattered"),
        best_band=asking("band", 2),
        best_scatter=asking("scatter", 2),
    )
    with chosen:
        convolution.convolve(x, weight, None, grid)
        convolution.convolve_weight_gradient(x, dy, grid)
        convolution.convolve_input_gradient(dy, weight, grid)
        assert asked == [("forward", shape), ("weight", shape), ("input", shape), ("scatter", shape)]
        del asked[:]
        convolution.convolve(x, weight, None, grid, "bands")
        convolution.convolve_weight_gradient(x, dy, grid, "bands")
        convolution.convolve_input_gradient(dy, weight, grid, "scattered")
        assert asked == [("band", shape), ("band", shape), ("scatter", shape)]


@pytest.mark.parametrize(
    ("sides", "pieces"),
    [
        ((3, 9, 64), 1),
        ((3, 9, 63), 0),  # narrow already
        ((4, 9, 64), 1),
        ((4, 9, 63), 0),
        ((3, 9, 640), 2),  # 3 · 9 · 320 = 8640 multiplications
        ((9, 3, 640), 2),  # one thin side is enough
        ((3, 10, 640), 2),  # just as many as may be
        ((3, 11, 640), 4),  # 3 does not divide it
        ((3, 75, 640), 0),  # ten pieces of 64 would be too large
        ((3, 50, 640), 10),
        ((3, 10, 641), 0),  # a prime
        ((4, 10, 640), 4),  # 5 · 128 columns: 160 in a piece, which are five times 32
        ((4, 9, 320), 2),
        ((4, 9, 330), 0),  # nothing that 32 divides
        ((4, 30, 96), 3),  # 32 alone; 48 would be no multiple
        ((4, 38, 640), 0),  # 64 would be too many: it had better be packed
    ],
)
def test_products_are_cut_into_few_pieces_that_blas_leaves_unpacked(sides, pieces):
    unpacked = without_memory(convolution.unpacked)
    with convolution.patched(THIN=3, UNPACKED=9600):
        assert unpacked(*sides) == pieces


@pytest.mark.parametrize(
    ("rows", "cols", "able"),
    [
        (Axis(5, 3), Axis(5, 3), "winograd tiles flipped"),
        (Axis(5, 3, 1, 1, 1), Axis(5, 3, 1, 2, 2), "winograd tiles flipped"),
        (Axis(5, 3, 1, 3, 2), Axis(5, 3), "winograd tiles"),  # a flipped kernel would need padding 3 - 1 - 3
        (Axis(5, 3), Axis(5, 3, 1, 0, 3), "winograd tiles"),
        (Axis(5, 2), Axis(5, 3), "winograd flipped"),
        (Axis(5, 3, 2), Axis(5, 3), "winograd"),
        (Axis(5, 3), Axis(5, 3, 2), ""),
        (Axis(5, 3), Axis(5, 4), "flipped"),
        (Axis(5, 3, 1, -1, 0), Axis(5, 3), "flipped"),
        (Axis(5, 3), Axis(5, 3, 1, 0, -1), "flipped"),
        (Axis(5, 1), Axis(5, 1), "pointwise flipped"),
        (Axis(5, 1, 2), Axis(5, 1), ""),
        (Axis(5, 1), Axis(5, 1, 1, 0, 1), ""),
        (Axis(5, 2), Axis(5, 1), "flipped"),
    ],
    ids=str,
)
def test_which_algorithms_accept_a_grid(rows, cols, able):
    tables = convolution.FORWARDS, convolution.WEIGHT_GRADIENTS, convolution.INPUT_GRADIENTS
    for table, always in zip(tables, ({"columns", "bands"}, {"columns", "bands"}, {"scattered"}), strict=True):
        accepting = {name for name, algorithm in table.items() if algorithm.accepts((rows, cols))}
        assert accepting == always | (set(able.split()) & table.keys())
