"""`conv2d`: a window of weights slides over images."""

from fnnet import rng, tree
from fnnet.arguments import flag, whole
from fnnet.errors import ShapeError, expected
from fnnet.initializers import Initializer, he_normal, zeros
from fnnet.kernels.convolution import convolve, convolve_input_gradient, convolve_weight_gradient
from fnnet.kernels.moments import channel_sum
from fnnet.layers._params import initialised, leaf
from fnnet.layers._window import check_image, window
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import CHANNELS_LAST, Array, Layer, Params, Pullback, Shape


@factory
def conv2d(
    channels: int,
    kernel: int | tuple[int, int],
    *,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] | str = 0,
    bias: bool = True,
    init: Initializer = he_normal(),
) -> Layer:
    """Two-dimensional cross-correlation (the kernel is not flipped) with every input channel.

        y[n, o, p, q] = b[o] + Σ_cij w[o, c, i, j] · x[n, c, p·s + i - a, q·t + j - b]
        dw[o, c, i, j] = Σ_npq dy[n, o, p, q] · x[n, c, p·s + i - a, q·t + j - b],    db[o] = Σ_npq dy[n, o, p, q]
        dx[n, c, u, v] = Σ dy[n, o, p, q] · w[o, c, i, j] over all (o, p, q, i, j) that read x[n, c, u, v]

    with strides s, t, paddings a, b and x zero outside the image. Keeps x. Params: `weight` (channels, C, kH, kW) and,
    with `bias`, `bias` (channels,). y lies batch-last in memory, see `fnnet.kernels.order`.

    Args:
        channels: output channels O.
        kernel: rows and columns of the window: one number for both, or a pair.
        stride: from one window to the next, one number or a pair.
        padding: zeros on each side, one number or a pair. Or "same": ⌈size / stride⌉ outputs, and of the padding that
            needs, half in front and half behind, an odd one behind (at the bottom and on the right), as in TensorFlow;
            with a stride this differs from symmetric padding.
        bias: whether there is a b; it starts at zero.
        init: initializer of the weight, see `fnnet.initializers`.

    Shapes: x (N, C, H, W), y (N, O, OH, OW) with OH = ⌊(H + 2a - kH) / s⌋ + 1, OW alike.

    Raises:
        ConfigError: an option is out of its range.
        ShapeError: the input is no image, is smaller than the kernel, or has other channels than the weight.

    Source: LeCun et al. 1998, "Gradient-based learning applied to document recognition", sec. II.

    >>> from fnnet import rng
    >>> net = conv2d(6, 5, padding=2)
    >>> net.shape((1, 28, 28)), net.init(rng.key(0), (1, 28, 28)).weight.shape
    ((6, 28, 28), (6, 1, 5, 5))
    """
    channels, bias = whole("channels", channels, 1), flag("bias", bias)
    fit = window(kernel, stride, padding, same=True)
    kind = tree.record("Conv2d", ("weight", "bias") if bias else ("weight",))

    def shape(in_shape: Shape) -> Shape:
        check_image(in_shape)
        rows, cols = fit(*in_shape[1:])
        return channels, rows.out, cols.out

    def init_params(key: rng.Key, in_shape: Shape) -> Params:
        check_image(in_shape)
        rows, cols = fit(*in_shape[1:])
        size = (channels, in_shape[0], rows.kernel, cols.kernel)
        weight = initialised(init, rng.fold_in(key, "weight"), size)
        return kind(weight, zeros()(rng.fold_in(key, "bias"), (channels,))) if bias else kind(weight)

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        check_image(x.shape[1:])
        grid = fit(*x.shape[2:])
        weight = leaf(params, "weight")
        _check_weight(weight, (channels, grid[0].kernel, grid[1].kernel), x)
        y = convolve(x, weight, leaf(params, "bias", (channels,)) if bias else None, grid)

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            dw = convolve_weight_gradient(x, dy, grid)
            dx = convolve_input_gradient(dy, weight, grid) if input_gradient else None
            return kind(dw, channel_sum(dy)) if bias else kind(dw), dx

        return y, vjp

    return unchecked(init_params, apply, shape=shape, name="conv2d")


def _check_weight(weight: Array, own: tuple[int, int, int], x: Array) -> None:
    """Raise unless the weight is this layer's and reads as many channels as x has."""
    channels, *kernel = own
    if weight.ndim != 4 or (weight.shape[0], *weight.shape[2:]) != own:
        wanted = f"({channels}, C, {kernel[0]}, {kernel[1]})"
        raise ShapeError(expected("weight", wanted, weight.shape, "make params with this layer's init"))
    if x.shape[1] != weight.shape[1]:
        wanted = f"(N, {weight.shape[1]}, H, W) for weight {weight.shape}"
        fix = CHANNELS_LAST if x.shape[3] == weight.shape[1] else ""
        raise ShapeError(expected("x", wanted, x.shape, fix))
