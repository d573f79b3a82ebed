"""What convolutions share: their options, the check of their weight, and the choice of kernels."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from fnnet import rng, tree
from fnnet.arguments import flag, one_of, shown, whole
from fnnet.errors import ConfigError, ShapeError, expected
from fnnet.initializers import Initializer, zeros
from fnnet.kernels.borders import bordered, bordered_adjoint, widened
from fnnet.kernels.convolution import convolve, convolve_input_gradient, convolve_weight_gradient
from fnnet.kernels.convolution.reductions import correlate, correlate_input_gradient, correlate_weight_gradient
from fnnet.kernels.moments import channel_sum
from fnnet.kernels.order import laid_deep, laid_last
from fnnet.kernels.windows import Axes
from fnnet.layers._params import initialised, leaf
from fnnet.layers._window import Fit, Padding, Size, batch_of, check_ndim, window
from fnnet.layers.layer import unchecked
from fnnet.types import CHANNELS_LAST, Array, Layer, Params, Pullback, Shape

MODES = ("zeros", "reflect", "replicate", "circular")
_LETTERS = {1: ("L",), 2: ("H", "W"), 3: ("D", "H", "W")}

# (x, weight, bias, axes) -> y; (x, dy, axes) -> dw; (dy, weight, axes) -> dx
Kernels: TypeAlias = tuple[Callable[..., Array], Callable[..., Array], Callable[..., Array]]


class Options(NamedTuple):
    """What a convolution was asked for, checked."""

    name: str
    channels: int
    fit: Fit
    dims: int
    groups: int
    mode: str
    bias: bool
    kernel: tuple[int, ...]


def convolution(
    name: str,
    dims: int,
    channels: int,
    kernel: Size,
    stride: Size,
    padding: Padding,
    dilation: Size,
    groups: int,
    padding_mode: str,
    bias: bool,
    init: Initializer,
) -> Layer:
    """The layer that slides `channels` windows of weights along `dims` axes; see `conv2d` for what it computes."""
    channels, groups, bias = whole("channels", channels, 1), group_number(groups, channels), flag("bias", bias)
    if padding_mode not in MODES:
        raise ConfigError(expected("padding_mode", one_of(MODES), shown(padding_mode)))
    fit = window(kernel, stride, padding, dims=dims, dilation=dilation, same=True, causal=dims == 1)
    plain = dims == 2 and groups == 1 and dilation in (1, (1, 1))
    kernels: Kernels = (convolve, convolve_weight_gradient, convolve_input_gradient) if plain else _grouped(groups)
    sizes: tuple[Any, ...] = tuple(kernel) if isinstance(kernel, tuple | list) else (kernel,) * dims
    own = Options(name, channels, fit, dims, groups, padding_mode, bias, sizes)
    return _zero_padded(own, kernels, init) if padding_mode == "zeros" else _mode_padded(own, init)


def record_name(name: str) -> str:
    """What the params of a layer are called.

    >>> record_name("conv2d"), record_name("conv_transpose1d")
    ('Conv2d', 'ConvTranspose1d')
    """
    return "".join(word.capitalize() for word in name.split("_"))


def group_number(groups: int, channels: int) -> int:
    """Groups of channels, which divide the outputs."""
    groups = whole("groups", groups, 1)
    if channels % groups:
        raise ConfigError(expected("groups", f"a divisor of the {channels} channels", groups))
    return groups


def _grouped(groups: int) -> Kernels:
    def forward(x: Array, weight: Array, bias: Array | None, axes: Axes) -> Array:
        return correlate(x, weight, bias, axes, groups)

    def weight_gradient(x: Array, dy: Array, axes: Axes) -> Array:
        return correlate_weight_gradient(x, dy, axes, groups)

    def input_gradient(dy: Array, weight: Array, axes: Axes) -> Array:
        return correlate_input_gradient(dy, weight, axes, groups)

    return forward, weight_gradient, input_gradient


def _zero_padded(own: Options, kernels: Kernels, init: Initializer) -> Layer:
    name, channels, fit, dims, groups, _, bias, sizes = own
    forward, weight_gradient, input_gradient_of = kernels
    kind = tree.record(record_name(name), ("weight", "bias") if bias else ("weight",))
    ndim, lay = dims + 2, laid_deep if dims == 3 and groups == 1 else laid_last

    def shape(in_shape: Shape) -> Shape:
        check_ndim(in_shape, dims)
        check_divides(groups, in_shape)
        return channels, *(axis.out for axis in fit(*in_shape[1:]))

    def init_params(key: rng.Key, in_shape: Shape) -> Params:
        check_ndim(in_shape, dims)
        check_divides(groups, in_shape)
        size = (channels, in_shape[0] // groups, *(axis.kernel for axis in fit(*in_shape[1:])))
        weight = initialised(init, rng.fold_in(key, "weight"), size)
        return kind(weight, zeros()(rng.fold_in(key, "bias"), (channels,))) if bias else kind(weight)

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        if x.ndim != ndim:
            check_ndim(x.shape[1:], dims)
        axes = fit(*x.shape[2:])
        weight = leaf(params, "weight")
        if weight.shape[2:] != sizes or weight.shape[0] != channels or weight.shape[1] * groups != x.shape[1]:
            _check_weight(weight, channels, axes, x, groups)
        x = lay(x)
        y = forward(x, weight, leaf(params, "bias", (channels,)) if bias else None, axes)

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            dy = lay(dy)
            dw = weight_gradient(x, dy, axes)
            dx = input_gradient_of(dy, weight, axes) if input_gradient else None
            return kind(dw, channel_sum(dy)) if bias else kind(dw), dx

        return y, vjp

    return unchecked(init_params, apply, shape=shape, name=name)


def _mode_padded(own: Options, init: Initializer) -> Layer:
    """The convolution without padding, of images that have something else than zeros around them."""
    fit, groups, mode = own.fit, own.groups, own.mode

    def inner(*sizes: int) -> Axes:
        axes: Axes = fit(*sizes)
        for axis in axes:
            check_border(max(axis.before, axis.after), axis.size, mode)
        return axes

    def padded(x: Array, weight: Array, bias: Array | None, axes: Axes) -> Array:
        return correlate(bordered(x, axes, mode), weight, bias, widened(axes), groups)

    def weight_gradient(x: Array, dy: Array, axes: Axes) -> Array:
        return correlate_weight_gradient(bordered(x, axes, mode), dy, widened(axes), groups)

    def input_gradient(dy: Array, weight: Array, axes: Axes) -> Array:
        return bordered_adjoint(correlate_input_gradient(dy, weight, widened(axes), groups), axes, mode)

    return _zero_padded(own._replace(fit=inner), (padded, weight_gradient, input_gradient), init)


def check_border(border: int, size: int, mode: str) -> None:
    """Raise unless an axis has the elements that a border of this mode repeats."""
    most = {"reflect": size - 1, "circular": size}.get(mode, border)
    if border > most:
        reason = {"reflect": "less than the size", "circular": "at most the size"}[mode]
        wanted = f"{reason} {size} of the axis, in mode {mode!r}"
        raise ShapeError(expected("padding", wanted, border))


def check_divides(groups: int, in_shape: Shape) -> None:
    """Raise unless the groups divide the channels of examples of this shape."""
    if in_shape[0] % groups:
        raise ShapeError(expected("input", f"channels that {groups} groups divide", batch_of(in_shape)))


def _check_weight(weight: Array, channels: int, axes: Axes, x: Array, groups: int) -> None:
    """Raise unless the weight is this layer's and reads as many channels as x has."""
    kernel = tuple(axis.kernel for axis in axes)
    if weight.ndim != x.ndim or weight.shape[0] != channels or weight.shape[2:] != kernel:
        wanted = f"({channels}, C{f'/{groups}' * (groups > 1)}, {', '.join(map(str, kernel))})"
        raise ShapeError(expected("weight", wanted, weight.shape, "make params with this layer's init"))
    check_channels(weight, weight.shape[1] * groups, x)


def check_channels(weight: Array, channels: int, x: Array) -> None:
    """Raise unless x has the channels that the weight reads."""
    if x.shape[1] != channels:
        letters = ", ".join(_LETTERS[x.ndim - 2])
        wanted = f"(N, {channels}, {letters}) for weight {weight.shape}"
        fix = CHANNELS_LAST if x.ndim == 4 and x.shape[3] == channels else ""
        raise ShapeError(expected("x", wanted, x.shape, fix))
