"""`depthwise_conv2d`: every channel has windows of its own."""

from functools import lru_cache

from fnnet import rng
from fnnet.arguments import whole
from fnnet.initializers import Initializer, he_normal
from fnnet.layers._convolution import convolution
from fnnet.layers._window import Padding, check_ndim
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape


@factory
def depthwise_conv2d(
    kernel: int | tuple[int, int],
    *,
    multiplier: int = 1,
    stride: int | tuple[int, int] = 1,
    padding: Padding = 0,
    dilation: int | tuple[int, int] = 1,
    padding_mode: str = "zeros",
    bias: bool = True,
    init: Initializer = he_normal(),
) -> Layer:
    """`conv2d` of C · multiplier outputs in C groups: each channel makes outputs of its own and sees no other.

        y[n, c·m + r, p, q] = b[c·m + r] + Σ_ij w[c·m + r, 0, i, j] · x[n, c, p·s + i·d - a, q·t + j·e - b]

    with multiplier m and r = 0 … m - 1; derivatives are those of `conv2d`. Keeps x. Params: `weight`
    (C · multiplier, 1, kH, kW) and, with `bias`, `bias` (C · multiplier,).

    Args:
        kernel: rows and columns of the window: one number for both, or a pair.
        multiplier: outputs of each channel.
        stride, padding, dilation, padding_mode, bias, init: as in `conv2d`.

    Shapes: x (N, C, H, W), y (N, C · multiplier, OH, OW), as in `conv2d`.

    Raises:
        ConfigError: an option is out of its range.
        ShapeError: as `conv2d` does.

    Source: Sifre 2014, "Rigid-motion scattering for image classification", sec. 6.2; Howard et al. 2017, "MobileNets:
    efficient convolutional neural networks for mobile vision applications", eq. 3.

    >>> from fnnet import rng
    >>> net = depthwise_conv2d(3, multiplier=2, padding=1)
    >>> net.shape((4, 9, 9)), net.init(rng.key(0), (4, 9, 9)).weight.shape
    ((8, 9, 9), (8, 1, 3, 3))
    """
    multiplier = whole("multiplier", multiplier, 1)

    @lru_cache(maxsize=8)
    def of(channels: int) -> Layer:
        options = kernel, stride, padding, dilation, channels, padding_mode, bias, init
        return convolution("depthwise_conv2d", 2, channels * multiplier, *options)

    of(1)  # says what is wrong with the options

    def shape(in_shape: Shape) -> Shape:
        check_ndim(in_shape, 2)
        return of(in_shape[0])._shape(in_shape)

    def init_params(key: rng.Key, in_shape: Shape) -> Params:
        check_ndim(in_shape, 2)
        return of(in_shape[0])._init(key, in_shape)

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        return of(x.shape[1])._apply(params, x)

    return unchecked(init_params, apply, shape=shape, name="depthwise_conv2d")
