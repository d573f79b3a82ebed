"""Transposed convolution: the input gradient of a convolution as a value, so that its own gradients are that one's.

With weights (C, O/groups, …) of the convolution that goes from y to x, on axes whose outputs are the elements of x:

    y = convᵀ(x, w),    dx = conv(dy, w),    dw = the weight gradient of conv between dy and x
"""

from fnnet.kernels.convolution.reductions import correlate, correlate_input_gradient, correlate_weight_gradient
from fnnet.kernels.windows import Axes
from fnnet.types import Array


def correlate_transposed(x: Array, weight: Array, bias: Array | None, axes: Axes, groups: int = 1) -> Array:
    """y (N, O, …) of x (N, C, …), weight (C, O/groups, …) and bias (O,)."""
    y = correlate_input_gradient(x, weight, axes, groups)
    if bias is not None:
        y += bias.reshape(-1, *(1,) * len(axes))
    return y


def transposed_weight_gradient(x: Array, dy: Array, axes: Axes, groups: int = 1) -> Array:
    """dw (C, O/groups, …) in C order."""
    return correlate_weight_gradient(dy, x, axes, groups)


def transposed_input_gradient(dy: Array, weight: Array, axes: Axes, groups: int = 1) -> Array:
    """dx (N, C, …)."""
    return correlate(dy, weight, None, axes, groups)
