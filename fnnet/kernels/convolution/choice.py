"""The algorithms of each direction, and the choice of the cheapest."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from fnnet.kernels.convolution.bands import banded_forward, banded_gradient, scattered_gradient
from fnnet.kernels.convolution.cost import (
    Work,
    bands_forward_cost,
    bands_gradient_cost,
    best_scatter,
    columns_forward_cost,
    columns_gradient_cost,
    scatter_cost,
    tiles_forward_cost,
    tiles_gradient_cost,
    winograd_forward_cost,
    winograd_gradient_cost,
)
from fnnet.kernels.convolution.products import one_product, one_product_gradient, pixels, pointwise_gradient
from fnnet.kernels.convolution.tiles import tiled_forward, tiled_gradient
from fnnet.kernels.convolution.unrolling import columns
from fnnet.kernels.convolution.winograd import winograd_forward, winograd_gradient
from fnnet.kernels.windows import Axis, Grid
from fnnet.types import Array


class Algorithm(NamedTuple):
    """One algorithm: what it accepts, what it costs in multiply-adds, and how it runs."""

    accepts: Callable[[Grid], bool]
    cost: Callable[[Work], float]
    run: Callable[..., Any]


@lru_cache(maxsize=256)
def best_forward(work: Work) -> str:
    """The name of the cheapest forward that accepts the grid."""
    return _best(FORWARDS, work)


@lru_cache(maxsize=256)
def best_weight_gradient(work: Work) -> str:
    """The name of the cheapest weight gradient that accepts the grid."""
    return _best(WEIGHT_GRADIENTS, work)


@lru_cache(maxsize=256)
def best_input_gradient(work: Work) -> str:
    """The name of the cheapest input gradient that accepts the grid."""
    return _best(INPUT_GRADIENTS, work)


def _best(algorithms: dict[str, Algorithm], work: Work) -> str:
    able = [name for name, algorithm in algorithms.items() if algorithm.accepts(work.grid)]
    return min(able, key=lambda name: algorithms[name].cost(work))


def convolve_last(z: Array, weight: Array, bias: Array | None, grid: Grid, algorithm: str | None = None) -> Array:
    """y (O, OH, OW, N) of z (C, H, W, N)."""
    rows, cols = grid
    y = np.empty((len(weight), rows.out, cols.out, z.shape[3]), z.dtype)
    name = algorithm or best_forward(Work(z.shape[3], len(z), len(weight), grid))
    FORWARDS[name].run(z, weight, bias, grid, y)
    return y


def _flipped_gradient(dz: Array, weight: Array, grid: Grid) -> Array:
    """The forward of dy with the kernel flipped, inputs and outputs swapped, and padding k - 1 - a."""
    return convolve_last(dz, weight[:, :, ::-1, ::-1].swapaxes(0, 1), None, _flipped(grid))


@lru_cache(maxsize=256)
def _flipped(grid: Grid) -> Grid:
    rows, cols = (Axis(a.out, a.kernel, 1, a.kernel - 1 - a.before, a.size + a.before - a.out) for a in grid)
    return rows, cols


def _flipped_cost(work: Work) -> float:
    n, c, o, grid = work
    swapped = Work(n, o, c, _flipped(grid))
    return FORWARDS[best_forward(swapped)].cost(swapped)


def _any(grid: Grid) -> bool:
    return True


def _pointwise(grid: Grid) -> bool:
    return all(a.kernel == a.stride == 1 and a.padded == a.size for a in grid)


def _flips(grid: Grid) -> bool:
    return all(a.stride == 1 and max(a.before, a.after) < a.kernel for a in grid)


def _winograd(grid: Grid) -> bool:
    return grid[1].kernel == 3 and grid[1].stride == 1 and all(min(a.before, a.after) >= 0 for a in grid)


def _square(grid: Grid) -> bool:
    return all(a.kernel == 3 and a.stride == 1 and min(a.before, a.after) >= 0 for a in grid)


def _free(work: Work) -> float:
    """Of what nothing else can beat."""
    return 0


FORWARDS = {
    "pointwise": Algorithm(_pointwise, _free, one_product(pixels)),
    "columns": Algorithm(_any, columns_forward_cost, one_product(columns)),
    "bands": Algorithm(_any, bands_forward_cost, banded_forward),
    "winograd": Algorithm(_winograd, winograd_forward_cost, winograd_forward),
    "tiles": Algorithm(_square, tiles_forward_cost, tiled_forward),
}
WEIGHT_GRADIENTS = {
    "pointwise": Algorithm(_pointwise, _free, one_product_gradient(pixels)),
    "columns": Algorithm(_any, columns_gradient_cost, one_product_gradient(columns)),
    "bands": Algorithm(_any, bands_gradient_cost, banded_gradient),
    "winograd": Algorithm(_winograd, winograd_gradient_cost, winograd_gradient),
    "tiles": Algorithm(_square, tiles_gradient_cost, tiled_gradient),
}
INPUT_GRADIENTS = {
    "pointwise": Algorithm(_pointwise, _free, pointwise_gradient),
    "flipped": Algorithm(_flips, _flipped_cost, _flipped_gradient),
    "scattered": Algorithm(_any, lambda work: scatter_cost(work, best_scatter(work)), scattered_gradient),
}
