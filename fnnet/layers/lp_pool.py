"""`lp_pool`: the norm of every window."""

from fnnet.arguments import real
from fnnet.kernels import pooling
from fnnet.layers._params import no_params
from fnnet.layers._window import Padding, Size, windows_over
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape


@factory
def lp_pool(
    p: float,
    kernel: Size,
    *,
    stride: Size | None = None,
    padding: Padding = 0,
    dilation: Size = 1,
    ceil: bool = False,
    dims: int = 2,
) -> Layer:
    """The p-norm of every window of every channel: between the sum (p = 1) and the maximum (p → ∞) of what is ≥ 0.

        y = (Σ_ij |x_ij|ᵖ)^(1/p),    dx_ij = dy · sign(x_ij) · (|x_ij| / y)ᵖ⁻¹

    over the elements x_ij of the window; where y is 0 the derivative is taken as 0. Powers are those of |x| / max |x|,
    so they keep within the range of numbers. Keeps x, y and the norms of rows. (ONNX takes |x| too; PyTorch's powers
    keep the sign of x, which for odd p is another function where x < 0.)

    Args:
        p: the norm, ≥ 1.
        kernel, stride, padding, dilation, ceil, dims: as in `max_pool`.

    Shapes: as in `max_pool`.

    Raises:
        ConfigError, ShapeError: as in `max_pool`.

    Source: Sermanet, Chintala & LeCun 2012, "Convolutional neural networks applied to house numbers digit
    classification", sec. 2.2, with equal weights in the window.

    >>> import numpy as np
    >>> lp_pool(2, 2).apply((), np.array([3.0, 0.0, 0.0, 4.0]).reshape(1, 1, 2, 2))[0].item()
    5.0
    """
    p = real("p", p, 1)
    windows = windows_over(kernel, stride, padding, dims, dilation=dilation, ceil=ceil)

    def shape(in_shape: Shape) -> Shape:
        return in_shape[0], *(axis.out for axis in windows(in_shape))

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        axes = windows(x.shape[1:])
        stages = pooling.window_norm(x, p, axes)

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            return (), pooling.window_norm_adjoint(dy, stages, p, axes) if input_gradient else None

        return stages[-1], vjp

    return unchecked(no_params, apply, shape=shape, name="lp_pool")
