"""`conv_transpose2d`: a window of weights is laid into a larger image."""

from fnnet.initializers import Initializer, he_normal
from fnnet.layers._transposed import transposed
from fnnet.layers._window import Padding
from fnnet.recipe import factory
from fnnet.types import Layer


@factory
def conv_transpose2d(
    channels: int,
    kernel: int | tuple[int, int],
    *,
    stride: int | tuple[int, int] = 1,
    padding: Padding = 0,
    output_padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
    bias: bool = True,
    init: Initializer = he_normal(),
) -> Layer:
    """Two-dimensional transposed convolution: every element of x lays its multiple of a window into a larger image.

        y[n, o, u, v] = b[o] + Σ x[n, c, p, q] · w[c, o, i, j] over all (c, p, q, i, j) with
            p·s + i·d - a = u and q·t + j·e - b = v
        dw[c, o, i, j] = Σ_npq x[n, c, p, q] · dy[n, o, p·s + i·d - a, q·t + j·e - b],    db[o] = Σ_nuv dy[n, o, u, v]
        dx[n, c, p, q] = Σ_oij dy[n, o, p·s + i·d - a, q·t + j·e - b] · w[c, o, i, j]

    with strides s, t, dilations d, e and paddings a, b: the adjoint of `conv2d` with the same options, the roles of
    input and output changed; the value is that one's dx, and dx that one's value. (It undoes shapes, not values: it is
    no deconvolution.) Keeps x. Params: `weight` (C, channels/groups, kH, kW), as in PyTorch, and, with `bias`, `bias`
    (channels,). Weights are drawn with the fans of the convolution that makes as many channels of x.

    Args:
        channels: output channels O.
        kernel: rows and columns of the window: one number for both, or a pair.
        stride: elements of y from one window to the next, one number or a pair.
        padding: elements that are cut off on each side of y, one number or a pair, or a pair (before, after) for each
            of rows and columns: what `conv2d` of y would have had as padding.
            Or "same": y has size · stride elements, as in TensorFlow; an odd element is cut off behind.
        output_padding: elements that y has more, behind, one number or a pair: of the sizes that a stride brings to one
            size `conv2d` cannot tell which it was. Less than the stride (PyTorch takes one less than the dilation too).
        dilation: elements from one tap of the window to the next, one number or a pair.
        groups: the channels, in and out, fall into so many groups; outputs read the channels of their own group only.
        bias: whether there is a b; it starts at zero.
        init: initializer of the weight, see `fnnet.initializers`.

    Shapes: x (N, C, H, W), y (N, O, OH, OW) with OH = (H - 1)·s - 2a + (kH - 1)·d + 1 + output padding, OW alike.

    Raises:
        ConfigError: an option is out of its range, or the groups do not divide the outputs.
        ShapeError: the input is no image, nothing of y is left by the padding, the input has other channels than the
            weight, or channels that the groups do not divide.

    Source: Zeiler et al. 2010, "Deconvolutional networks", eq. 1; as a layer that learns to enlarge: Long, Shelhamer &
    Darrell 2015, "Fully convolutional networks for semantic segmentation", sec. 3.3; the arithmetic of sizes: Dumoulin
    & Visin 2016, "A guide to convolution arithmetic for deep learning", sec. 4.

    >>> from fnnet import rng
    >>> net = conv_transpose2d(6, 4, stride=2, padding=1)
    >>> net.shape((3, 14, 14)), net.init(rng.key(0), (3, 14, 14)).weight.shape
    ((6, 28, 28), (3, 6, 4, 4))
    """
    options = stride, padding, output_padding, dilation, groups, bias, init
    return transposed("conv_transpose2d", 2, channels, kernel, *options)
