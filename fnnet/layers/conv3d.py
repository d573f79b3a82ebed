"""`conv3d`: a window of weights slides along volumes."""

from fnnet.initializers import Initializer, he_normal
from fnnet.layers._convolution import convolution
from fnnet.layers._window import Padding
from fnnet.recipe import factory
from fnnet.types import Layer


@factory
def conv3d(
    channels: int,
    kernel: int | tuple[int, int, int],
    *,
    stride: int | tuple[int, int, int] = 1,
    padding: Padding = 0,
    dilation: int | tuple[int, int, int] = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    bias: bool = True,
    init: Initializer = he_normal(),
) -> Layer:
    """Three-dimensional cross-correlation: `conv2d` of volumes.

        y[n, o, p, q, r] = b[o] + Σ_cijk w[o, c, i, j, k] · x[n, c, p·s + i·d - a, …, …]
        dw[o, c, i, j, k] = Σ_npqr dy[n, o, p, q, r] · x[n, c, p·s + i·d - a, …, …],    db[o] = Σ_npqr dy[n, o, p, q, r]
        dx[n, c, t, u, v] = Σ dy[n, o, p, q, r] · w[o, c, i, j, k] over all outputs and taps that read x[n, c, t, u, v]

    with stride s, dilation d, padding a and x zero outside the volume. Keeps x. Params: `weight` (channels, C/groups,
    kD, kH, kW) and, with `bias`, `bias` (channels,).

    Args:
        channels: output channels O.
        kernel: depth, rows and columns of the window: one number for all, or three.
        stride: from one window to the next, one number or three.
        padding: elements on each side, one number or three, or a pair (before, after) for each axis.
            Or "same", as in `conv2d`.
        dilation: elements from one tap of the window to the next, one number or three.
        groups: as in `conv2d`.
        padding_mode: what padding holds: "zeros", "reflect", "replicate" or "circular", as in `conv2d`.
        bias: whether there is a b; it starts at zero.
        init: initializer of the weight, see `fnnet.initializers`.

    Shapes: x (N, C, D, H, W), y (N, O, OD, OH, OW), each as in `conv2d`.

    Raises:
        ConfigError: an option is out of its range, or the groups do not divide the outputs.
        ShapeError: the input is no volume, is smaller than the kernel or what its padding repeats, has other channels
            than the weight, or channels that the groups do not divide.

    Source: Ji et al. 2013, "3D convolutional neural networks for human action recognition", eq. 2.

    >>> from fnnet import rng
    >>> net = conv3d(6, 3, padding=1)
    >>> net.shape((1, 8, 9, 9)), net.init(rng.key(0), (1, 8, 9, 9)).weight.shape
    ((6, 8, 9, 9), (6, 1, 3, 3, 3))
    """
    return convolution("conv3d", 3, channels, kernel, stride, padding, dilation, groups, padding_mode, bias, init)
