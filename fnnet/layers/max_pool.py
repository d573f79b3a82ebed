"""`max_pool`: the largest element of every window."""

from typing import Any

from fnnet.arguments import flag
from fnnet.arrays import Discrete
from fnnet.kernels import pooling
from fnnet.layers._params import no_params
from fnnet.layers._window import Padding, Size, windows_over
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape


@factory
def max_pool(
    kernel: Size,
    stride: Size | None = None,
    *,
    padding: Padding = 0,
    dilation: Size = 1,
    ceil: bool = False,
    dims: int = 2,
    indices: bool = False,
) -> Layer:
    """The largest element of every window of every channel.

        y[n, c, p, q] = max_ij x[n, c, p·s + i·d - a, q·t + j·e - b],    dx = each dy at the element that won

    with strides s, t, dilations d, e and paddings a, b; of signals and volumes alike. Ties go to the first element of
    the window in row-major order. Padding never wins. Keeps x, y and the maxima of rows. y lies in memory like x.

    Args:
        kernel: rows and columns of the window: one number for both, or a pair.
        stride: from one window to the next, one number or a pair; by default the kernel.
        padding: elements on each side that no window reads, one number or a pair, or a pair (before, after) for each of
            rows and columns; less than the kernel.
        dilation: elements from one tap of the window to the next, one number or a pair.
        ceil: whether a last window that reaches out of the padding counts too, if it does not begin behind the image,
            as in PyTorch.
        dims: the axes behind the channels: 2 for images, 1 for signals, 3 for volumes; options are then one number, or
            one for each of these axes.
        indices: whether the value is (y, places): with each maximum, where it stands, row · W + column within its
            channel, for `max_unpool`. PyTorch counts so too; ONNX through the whole batch.

    Shapes: x (N, C, H, W), y (N, C, OH, OW) with OH = ⌊(H + 2a - (kH - 1)·d - 1) / s⌋ + 1, with `ceil` ⌈…⌉ + 1, OW
    alike; places (N, C, OH, OW) whole numbers.

    Raises:
        ConfigError: an option is out of its range.
        ShapeError: the input has other axes, or is smaller than the kernel; or a window with gaps meets no element.

    >>> max_pool(2).shape((6, 24, 24)), max_pool(3, stride=2, padding=1).shape((6, 24, 24))
    ((6, 12, 12), (6, 12, 12))
    >>> max_pool(2, ceil=True).shape((6, 5, 5)), max_pool(2, dims=1).shape((6, 24))
    ((6, 3, 3), (6, 12))
    """
    windows, indices = (
        windows_over(kernel, stride, padding, dims, dilation=dilation, ceil=ceil),
        flag("indices", indices),
    )

    def shape(in_shape: Shape) -> Any:
        own = in_shape[0], *(axis.out for axis in windows(in_shape))
        return (own, Discrete(own)) if indices else own

    def apply(params: Params, x: Array) -> tuple[Any, Pullback]:
        axes = windows(x.shape[1:])
        stages = pooling.window_max(x, axes)

        def vjp(dy: Any, input_gradient: bool = True) -> tuple[Params, Array | None]:
            own = dy[0] if indices else dy
            return (), pooling.window_max_adjoint(own, stages, axes) if input_gradient else None

        return (stages[-1], pooling.window_places(stages, axes)) if indices else stages[-1], vjp

    return unchecked(no_params, apply, shape=shape, name="max_pool")
