"""`conv_transpose1d`: a window of weights is laid along a longer signal."""

from fnnet.initializers import Initializer, he_normal
from fnnet.layers._transposed import transposed
from fnnet.layers._window import Padding
from fnnet.recipe import factory
from fnnet.types import Layer


@factory
def conv_transpose1d(
    channels: int,
    kernel: int,
    *,
    stride: int = 1,
    padding: Padding = 0,
    output_padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
    bias: bool = True,
    init: Initializer = he_normal(),
) -> Layer:
    """One-dimensional transposed convolution: `conv_transpose2d` of signals.

        y[n, o, u] = b[o] + Σ x[n, c, p] · w[c, o, j] over all (c, p, j) with p·s + j·d - a = u
        dw[c, o, j] = Σ_np x[n, c, p] · dy[n, o, p·s + j·d - a],    db[o] = Σ_nu dy[n, o, u]
        dx[n, c, p] = Σ_oj dy[n, o, p·s + j·d - a] · w[c, o, j]

    with stride s, dilation d, padding a. Keeps x. Params: `weight` (C, channels/groups, k) and, with `bias`, `bias`
    (channels,).

    Args:
        channels: output channels O.
        kernel: taps of the window.
        stride: elements of y from one window to the next.
        padding: elements that are cut off on each side of y, or a pair (before, after); or "same".
        output_padding: elements that y has more, behind.
        dilation: elements from one tap of the window to the next.
        groups, bias, init: as in `conv_transpose2d`.

    Shapes: x (N, C, L), y (N, O, OL) with OL = (L - 1)·s - 2a + (k - 1)·d + 1 + output padding.

    Raises:
        ConfigError, ShapeError: as in `conv_transpose2d`.

    Source: as `conv_transpose2d`.

    >>> from fnnet import rng
    >>> net = conv_transpose1d(6, 4, stride=2, padding=1)
    >>> net.shape((3, 14)), net.init(rng.key(0), (3, 14)).weight.shape
    ((6, 28), (3, 6, 4))
    """
    options = stride, padding, output_padding, dilation, groups, bias, init
    return transposed("conv_transpose1d", 1, channels, kernel, *options)
