"""`avg_pool`: the mean of every window."""

import numpy as np

from fnnet.kernels import pooling
from fnnet.kernels.windows import Grid
from fnnet.layers._params import no_params
from fnnet.layers._window import check_image, window
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape


@factory
def avg_pool(
    kernel: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    *,
    padding: int | tuple[int, int] = 0,
    count_padding: bool = True,
) -> Layer:
    """The mean of every window of every channel.

        y[n, c, p, q] = 1/k Σ_ij x[n, c, p·s + i - a, q·t + j - b],    dx = each dy/k at all elements of its window

    k is the size of the window kH · kW, padding counted as zeros; with `count_padding=False` only the elements inside
    the image count. (PyTorch calls this `count_include_pad`; TensorFlow never counts padding.) Keeps nothing.
    y lies in memory like x.

    Args:
        kernel: rows and columns of the window: one number for both, or a pair.
        stride: from one window to the next, one number or a pair; by default the kernel.
        padding: zeros on each side, one number or a pair, less than the kernel.
        count_padding: whether the mean counts padding.

    Shapes: x (N, C, H, W), y (N, C, OH, OW) with OH = ⌊(H + 2a - kH) / s⌋ + 1, OW alike.

    Raises:
        ConfigError: an option is out of its range.
        ShapeError: the input is no image, or smaller than the kernel.

    >>> avg_pool(2).shape((6, 24, 24))
    (6, 12, 12)
    """
    fit = window(kernel, kernel if stride is None else stride, padding, reach=True)

    def shape(in_shape: Shape) -> Shape:
        check_image(in_shape)
        rows, cols = fit(*in_shape[1:])
        return in_shape[0], rows.out, cols.out

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        check_image(x.shape[1:])
        grid = fit(*x.shape[2:])
        count = _count(grid, x.dtype) if not count_padding else grid[0].kernel * grid[1].kernel
        y = pooling.window_sum(x, grid)
        y /= count

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            return (), pooling.window_sum_adjoint(dy / count, grid) if input_gradient else None

        return y, vjp

    return unchecked(no_params, apply, shape=shape, name="avg_pool")


def _count(grid: Grid, dtype: np.dtype) -> Array:
    return np.array(pooling.window_counts(grid), dtype)
