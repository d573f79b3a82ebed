"""What transposed convolutions share."""

from fnnet import rng, tree
from fnnet.arguments import flag, whole
from fnnet.errors import ShapeError, expected
from fnnet.initializers import Initializer, zeros
from fnnet.kernels.convolution.transposed import (
    correlate_transposed,
    transposed_input_gradient,
    transposed_weight_gradient,
)
from fnnet.kernels.moments import channel_sum
from fnnet.kernels.order import laid_last
from fnnet.kernels.windows import Axes
from fnnet.layers._convolution import check_channels, check_divides, group_number, record_name
from fnnet.layers._params import initialised, leaf
from fnnet.layers._window import Padding, Size, check_ndim, transposed_window
from fnnet.layers.layer import unchecked
from fnnet.types import Array, Layer, Params, Pullback, Shape


def transposed(
    name: str,
    dims: int,
    channels: int,
    kernel: Size,
    stride: Size,
    padding: Padding,
    output_padding: Size,
    dilation: Size,
    groups: int,
    bias: bool,
    init: Initializer,
) -> Layer:
    """The layer that lays `channels` windows of weights along `dims` axes; see `conv_transpose2d` for what it does."""
    channels, groups, bias = whole("channels", channels, 1), group_number(groups, channels), flag("bias", bias)
    fit = transposed_window(kernel, stride, padding, output_padding, dims=dims, dilation=dilation)
    kind = tree.record(record_name(name), ("weight", "bias") if bias else ("weight",))
    per_group = channels // groups

    def axes_of(in_shape: Shape) -> Axes:
        check_ndim(in_shape, dims)
        check_divides(groups, in_shape)
        axes: Axes = fit(*in_shape[1:])
        return axes

    def shape(in_shape: Shape) -> Shape:
        return channels, *(axis.size for axis in axes_of(in_shape))

    def init_params(key: rng.Key, in_shape: Shape) -> Params:
        """Drawn as the weights of a convolution (O, C/groups, …), so that fans are those of what each output reads."""
        c, taps = in_shape[0] // groups, tuple(axis.kernel for axis in axes_of(in_shape))
        drawn = initialised(init, rng.fold_in(key, "weight"), (channels, c, *taps))
        weight = drawn.reshape(groups, per_group, c, *taps).swapaxes(1, 2).reshape(groups * c, per_group, *taps)
        return kind(weight, zeros()(rng.fold_in(key, "bias"), (channels,))) if bias else kind(weight)

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        axes = axes_of(x.shape[1:])
        weight = leaf(params, "weight")
        _check_weight(weight, (per_group, *(axis.kernel for axis in axes)), x)
        x = laid_last(x)
        y = correlate_transposed(x, weight, leaf(params, "bias", (channels,)) if bias else None, axes, groups)

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            dy = laid_last(dy)
            dw = transposed_weight_gradient(x, dy, axes, groups)
            dx = transposed_input_gradient(dy, weight, axes, groups) if input_gradient else None
            return kind(dw, channel_sum(dy)) if bias else kind(dw), dx

        return y, vjp

    return unchecked(init_params, apply, shape=shape, name=name)


def _check_weight(weight: Array, own: Shape, x: Array) -> None:
    """Raise unless the weight is this layer's and reads as many channels as x has."""
    if weight.shape[1:] != own:
        wanted = f"(C, {', '.join(map(str, own))})"
        raise ShapeError(expected("weight", wanted, weight.shape, "make params with this layer's init"))
    check_channels(weight, len(weight), x)
