"""`max_pool`: the largest element of every window."""

from fnnet.kernels import pooling
from fnnet.layers._params import no_params
from fnnet.layers._window import check_image, window
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape


@factory
def max_pool(
    kernel: int | tuple[int, int], stride: int | tuple[int, int] | None = None, *, padding: int | tuple[int, int] = 0
) -> Layer:
    """The largest element of every window of every channel.

        y[n, c, p, q] = max_ij x[n, c, p·s + i - a, q·t + j - b],    dx = each dy at the element that won

    Ties go to the first element of the window in row-major order. Padding never wins. Keeps x, y and the maxima
    of rows. y lies in memory like x.

    Args:
        kernel: rows and columns of the window: one number for both, or a pair.
        stride: from one window to the next, one number or a pair; by default the kernel.
        padding: elements on each side that no window reads, one number or a pair, less than the kernel.

    Shapes: x (N, C, H, W), y (N, C, OH, OW) with OH = ⌊(H + 2a - kH) / s⌋ + 1, OW alike.

    Raises:
        ConfigError: an option is out of its range.
        ShapeError: the input is no image, or smaller than the kernel.

    >>> max_pool(2).shape((6, 24, 24)), max_pool(3, stride=2, padding=1).shape((6, 24, 24))
    ((6, 12, 12), (6, 12, 12))
    """
    fit = window(kernel, kernel if stride is None else stride, padding, reach=True)

    def shape(in_shape: Shape) -> Shape:
        check_image(in_shape)
        rows, cols = fit(*in_shape[1:])
        return in_shape[0], rows.out, cols.out

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        check_image(x.shape[1:])
        grid = fit(*x.shape[2:])
        y, widest = pooling.window_max(x, grid)

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            return (), pooling.window_max_adjoint(dy, x, widest, y, grid) if input_gradient else None

        return y, vjp

    return unchecked(no_params, apply, shape=shape, name="max_pool")
