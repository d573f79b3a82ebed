"""`conv2d`: a window of weights slides over images."""

from fnnet.initializers import Initializer, he_normal
from fnnet.layers._convolution import convolution
from fnnet.layers._window import Padding
from fnnet.recipe import factory
from fnnet.types import Layer


@factory
def conv2d(
    channels: int,
    kernel: int | tuple[int, int],
    *,
    stride: int | tuple[int, int] = 1,
    padding: Padding = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    bias: bool = True,
    init: Initializer = he_normal(),
) -> Layer:
    """Two-dimensional cross-correlation (the kernel is not flipped) with every input channel of a group.

        y[n, o, p, q] = b[o] + Σ_cij w[o, c, i, j] · x[n, c, p·s + i·d - a, q·t + j·e - b]
        dw[o, c, i, j] = Σ_npq dy[n, o, p, q] · x[n, c, p·s + i·d - a, q·t + j·e - b],    db[o] = Σ_npq dy[n, o, p, q]
        dx[n, c, u, v] = Σ dy[n, o, p, q] · w[o, c, i, j] over all (o, p, q, i, j) that read x[n, c, u, v]

    with strides s, t, dilations d, e, paddings a, b and x zero outside the image. Keeps x. Params: `weight`
    (channels, C/groups, kH, kW) and, with `bias`, `bias` (channels,). y lies batch-last in memory, see
    `fnnet.kernels.order`.

    Args:
        channels: output channels O.
        kernel: rows and columns of the window: one number for both, or a pair.
        stride: from one window to the next, one number or a pair.
        padding: elements on each side, one number or a pair, or a pair (before, after) for each of rows and columns.
            Or "same": ⌈size / stride⌉ outputs, and of the padding that needs, half in front and half behind, an odd
            one behind (at the bottom and on the right), as in TensorFlow; with a stride this differs from symmetric
            padding.
        dilation: elements from one tap of the window to the next, one number or a pair.
        groups: the channels, in and out, fall into so many groups; outputs read the channels of their own group only.
        padding_mode: what padding holds: "zeros", "reflect" (c b | a b c), "replicate" (a a | a b c) or "circular"
            (b c | a b c), as in PyTorch.
        bias: whether there is a b; it starts at zero.
        init: initializer of the weight, see `fnnet.initializers`.

    Shapes: x (N, C, H, W), y (N, O, OH, OW) with OH = ⌊(H + 2a - (kH - 1)·d - 1) / s⌋ + 1, OW alike.

    Raises:
        ConfigError: an option is out of its range, or the groups do not divide the outputs.
        ShapeError: the input is no image, is smaller than the kernel or what its padding repeats, has other channels
            than the weight, or channels that the groups do not divide.

    Source: LeCun et al. 1998, "Gradient-based learning applied to document recognition", sec. II; groups: Krizhevsky,
    Sutskever & Hinton 2012, "ImageNet classification with deep convolutional neural networks", sec. 3.2; dilation: Yu &
    Koltun 2016, "Multi-scale context aggregation by dilated convolutions", eq. 2.

    >>> from fnnet import rng
    >>> net = conv2d(6, 5, padding=2)
    >>> net.shape((1, 28, 28)), net.init(rng.key(0), (1, 28, 28)).weight.shape
    ((6, 28, 28), (6, 1, 5, 5))
    >>> conv2d(6, 3, dilation=2, groups=3).init(rng.key(0), (3, 9, 9)).weight.shape
    (6, 1, 3, 3)
    """
    return convolution("conv2d", 2, channels, kernel, stride, padding, dilation, groups, padding_mode, bias, init)
