"""`separable_conv2d`: windows of each channel, then sums over channels."""

import attrs

from fnnet.initializers import Initializer, he_normal
from fnnet.layers._window import Padding
from fnnet.layers.conv2d import conv2d
from fnnet.layers.depthwise_conv2d import depthwise_conv2d
from fnnet.layers.serial import serial
from fnnet.recipe import factory
from fnnet.types import Layer


@factory
def separable_conv2d(
    channels: int,
    kernel: int | tuple[int, int],
    *,
    multiplier: int = 1,
    stride: int | tuple[int, int] = 1,
    padding: Padding = 0,
    dilation: int | tuple[int, int] = 1,
    bias: bool = True,
    init: Initializer = he_normal(),
) -> Layer:
    """A convolution in two parts: `depthwise_conv2d` along rows and columns, then `conv2d` of one pixel over channels.

        y = pointwise(depthwise(x)),    w[o, c, i, j] = Σ_r p[o, c·m + r] · d[c·m + r, i, j]

    so it is `conv2d` with such weights, of C · m · (k² + O) numbers instead of O · C · k². It is the `serial` of the
    two, without bias or activation in between, as in Keras; params are theirs, `depthwise.weight` and
    `pointwise.weight`, `pointwise.bias`. (The blocks of MobileNet have batch norm and ReLU in between: write these as
    a `serial`.)

    Args:
        channels: output channels O.
        kernel: rows and columns of the window: one number for both, or a pair.
        multiplier: outputs m of each channel on the way.
        stride, padding, dilation: of the depthwise part, as in `conv2d`.
        bias: whether the pointwise part has one.
        init: initializer of both weights, see `fnnet.initializers`.

    Shapes: x (N, C, H, W), y (N, O, OH, OW), as in `conv2d`.

    Raises:
        ConfigError: an option is out of its range.
        ShapeError: as `conv2d` does.

    Source: Sifre 2014, "Rigid-motion scattering for image classification", sec. 6.2; Chollet 2017, "Xception: deep
    learning with depthwise separable convolutions", sec. 2.

    >>> from fnnet import rng, tree
    >>> net = separable_conv2d(16, 3, padding=1)
    >>> net.shape((4, 9, 9)), tree.paths(net.init(rng.key(0), (4, 9, 9)))
    ((16, 9, 9), ['depthwise.weight', 'pointwise.weight', 'pointwise.bias'])
    """
    depthwise = depthwise_conv2d(
        kernel, multiplier=multiplier, stride=stride, padding=padding, dilation=dilation, bias=False, init=init
    )
    pointwise = conv2d(channels, 1, bias=bias, init=init)
    return attrs.evolve(serial(depthwise, pointwise, names=("depthwise", "pointwise")), name="separable_conv2d")
