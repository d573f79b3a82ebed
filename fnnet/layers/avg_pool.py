"""`avg_pool`: the mean of every window."""

import math

import numpy as np

from fnnet.arguments import flag
from fnnet.kernels import pooling
from fnnet.kernels.windows import Axes
from fnnet.layers._params import no_params
from fnnet.layers._window import Padding, Size, padding_of, windows_over
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape


@factory
def avg_pool(
    kernel: Size,
    stride: Size | None = None,
    *,
    padding: Padding = 0,
    count_padding: bool = True,
    dilation: Size = 1,
    ceil: bool = False,
    dims: int = 2,
) -> Layer:
    """The mean of every window of every channel.

        y[n, c, p, q] = 1/k Σ_ij x[n, c, p·s + i·d - a, q·t + j·e - b],    dx = each dy/k at all elements of its window

    with strides s, t, dilations d, e and paddings a, b; of signals and volumes alike. k is the size of the window
    kH · kW, padding counted as zeros; with `count_padding=False` only the elements inside the image count. (PyTorch
    calls this `count_include_pad`; TensorFlow never counts padding.) What a window of `ceil` reads beyond the padding
    never counts, as in PyTorch. Keeps nothing. y lies in memory like x.

    Args:
        kernel, stride: as in `max_pool`.
        padding: zeros on each side, as in `max_pool`.
        count_padding: whether the mean counts padding.
        dilation, ceil, dims: as in `max_pool`.

    Shapes: as in `max_pool`.

    Raises:
        ConfigError, ShapeError: as in `max_pool`.

    >>> avg_pool(2).shape((6, 24, 24)), avg_pool(2, dims=3).shape((6, 8, 24, 24))
    ((6, 12, 12), (6, 4, 12, 12))
    """
    windows = windows_over(kernel, stride, padding, dims, dilation=dilation, ceil=ceil)
    sides = padding_of(padding, dims)
    counted = sides if flag("count_padding", count_padding) else ((0, 0),) * dims

    def shape(in_shape: Shape) -> Shape:
        return in_shape[0], *(axis.out for axis in windows(in_shape))

    def count(axes: Axes, dtype: np.dtype) -> Array | int:
        if tuple((axis.before, axis.after) for axis in axes) == counted:
            return math.prod(axis.kernel for axis in axes)
        return pooling.window_counts(axes, counted).astype(dtype)

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        axes = windows(x.shape[1:])
        k = count(axes, x.dtype)
        y = pooling.window_sum(x, axes)
        y /= k

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            return (), pooling.window_sum_adjoint(dy / k, axes) if input_gradient else None

        return y, vjp

    return unchecked(no_params, apply, shape=shape, name="avg_pool")
