"""Convolutions of few or small images as one product of matrices, and products cut where BLAS likes it."""

from collections.abc import Callable

import numpy as np

from fnnet.kernels.convolution.cost import unpacked
from fnnet.kernels.windows import Grid
from fnnet.types import Array


def one_product(matrix: Callable[[Array, Grid], Array]) -> Callable[..., None]:
    """The forward y = w X with the images as one matrix X."""

    def run(z: Array, weight: Array, bias: Array | None, grid: Grid, y: Array) -> None:
        flat, w, x = flat_images(y), flat_images(weight), matrix(z, grid)
        if len(x) == 1:  # an outer product, for which BLAS takes four to fourteen times as long
            np.multiply(w, x, out=flat)
        else:
            np.matmul(w, x, out=flat)
        if bias is not None:
            flat += bias[:, None]

    return run


def one_product_gradient(matrix: Callable[[Array, Grid], Array]) -> Callable[[Array, Array, Grid], Array]:
    """The weight gradient (X dyᵀ)ᵀ with the images as one matrix X."""

    def run(z: Array, dz: Array, grid: Grid) -> Array:
        rows, cols = grid
        dw = (matrix(z, grid) @ flat_images(dz).T).T
        return np.ascontiguousarray(dw).reshape(len(dz), len(z), rows.kernel, cols.kernel)

    return run


def pointwise_gradient(dz: Array, weight: Array, grid: Grid) -> Array:
    """One plain product, Wᵀ dy."""
    return (flat_images(weight).T @ flat_images(dz)).reshape(weight.shape[1], *dz.shape[1:])


def multiplied(w: Array, matrices: Array, out: Array) -> None:
    """w (…, m, k) times matrices (…, k, n) into (…, m, n), in pieces of columns where BLAS leaves those unpacked."""
    pieces = unpacked(*w.shape[-2:], out.shape[-1])
    if pieces > 1:
        np.matmul(w[..., None, :, :], _in_pieces(matrices, pieces), out=_in_pieces(out, pieces))
    else:
        np.matmul(w, matrices, out=out)


def _in_pieces(matrices: Array, pieces: int) -> Array:
    """(…, k, n) as (…, pieces, k, n / pieces), a view: only the densest axis is split."""
    return matrices.reshape(*matrices.shape[:-1], pieces, -1).swapaxes(-3, -2)


def flat_images(a: Array) -> Array:
    """Images, or weights, as a matrix: one row for each of the first axis."""
    return a.reshape(len(a), -1)


def pixels(z: Array, grid: Grid) -> Array:
    """Every pixel as a column, (C, H · W · N): the windows of one element."""
    return flat_images(z)
