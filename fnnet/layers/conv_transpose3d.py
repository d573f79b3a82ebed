"""`conv_transpose3d`: a window of weights is laid into a larger volume."""

from fnnet.initializers import Initializer, he_normal
from fnnet.layers._transposed import transposed
from fnnet.layers._window import Padding
from fnnet.recipe import factory
from fnnet.types import Layer


@factory
def conv_transpose3d(
    channels: int,
    kernel: int | tuple[int, int, int],
    *,
    stride: int | tuple[int, int, int] = 1,
    padding: Padding = 0,
    output_padding: int | tuple[int, int, int] = 0,
    dilation: int | tuple[int, int, int] = 1,
    groups: int = 1,
    bias: bool = True,
    init: Initializer = he_normal(),
) -> Layer:
    """Three-dimensional transposed convolution: `conv_transpose2d` of volumes.

        y[n, o, t, u, v] = b[o] + Σ x[n, c, p, q, r] · w[c, o, i, j, k] over all (c, p, q, r, i, j, k) that reach there
        dw[c, o, i, j, k] = Σ_npqr x[n, c, p, q, r] · dy[n, o, p·s + i·d - a, …, …],    db[o] = Σ_ntuv dy[n, o, t, u, v]
        dx[n, c, p, q, r] = Σ_oijk dy[n, o, p·s + i·d - a, …, …] · w[c, o, i, j, k]

    with stride s, dilation d, padding a. Keeps x. Params: `weight` (C, channels/groups, kD, kH, kW) and, with `bias`,
    `bias` (channels,).

    Args:
        channels: output channels O.
        kernel: depth, rows and columns of the window: one number for all, or three.
        stride, padding, output_padding, dilation: as in `conv_transpose2d`, one number or three.
        groups, bias, init: as in `conv_transpose2d`.

    Shapes: x (N, C, D, H, W), y (N, O, OD, OH, OW), each as in `conv_transpose2d`.

    Raises:
        ConfigError, ShapeError: as in `conv_transpose2d`.

    Source: as `conv_transpose2d`.

    >>> from fnnet import rng
    >>> net = conv_transpose3d(6, 2, stride=2)
    >>> net.shape((3, 4, 5, 5)), net.init(rng.key(0), (3, 4, 5, 5)).weight.shape
    ((6, 8, 10, 10), (3, 6, 2, 2, 2))
    """
    options = stride, padding, output_padding, dilation, groups, bias, init
    return transposed("conv_transpose3d", 3, channels, kernel, *options)
