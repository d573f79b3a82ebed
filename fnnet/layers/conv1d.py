"""`conv1d`: a window of weights slides along signals."""

from fnnet.initializers import Initializer, he_normal
from fnnet.layers._convolution import convolution
from fnnet.layers._window import Padding
from fnnet.recipe import factory
from fnnet.types import Layer


@factory
def conv1d(
    channels: int,
    kernel: int,
    *,
    stride: int = 1,
    padding: Padding = 0,
    dilation: int = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    bias: bool = True,
    init: Initializer = he_normal(),
) -> Layer:
    """One-dimensional cross-correlation: `conv2d` of signals.

        y[n, o, p] = b[o] + Σ_cj w[o, c, j] · x[n, c, p·s + j·d - a]
        dw[o, c, j] = Σ_np dy[n, o, p] · x[n, c, p·s + j·d - a],    db[o] = Σ_np dy[n, o, p]
        dx[n, c, u] = Σ dy[n, o, p] · w[o, c, j] over all (o, p, j) that read x[n, c, u]

    with stride s, dilation d, padding a and x zero outside the signal. Keeps x. Params: `weight` (channels, C/groups,
    k) and, with `bias`, `bias` (channels,).

    Args:
        channels: output channels O.
        kernel: taps of the window.
        stride: from one window to the next, one number.
        padding: elements on each side, or a pair (before, after).
            Or "same", as in `conv2d`; or "causal": all (k - 1)·d in front, so that no output reads what comes after it.
        dilation: elements from one tap of the window to the next, one number.
        groups: as in `conv2d`.
        padding_mode: what padding holds: "zeros", "reflect", "replicate" or "circular", as in `conv2d`.
        bias: whether there is a b; it starts at zero.
        init: initializer of the weight, see `fnnet.initializers`.

    Shapes: x (N, C, L), y (N, O, OL) with OL = ⌊(L + 2a - (k - 1)·d - 1) / s⌋ + 1.

    Raises:
        ConfigError: an option is out of its range, or the groups do not divide the outputs.
        ShapeError: the input is no signal, is smaller than the kernel or what its padding repeats, has other channels
            than the weight, or channels that the groups do not divide.

    Source: Waibel et al. 1989, "Phoneme recognition using time-delay neural networks"; causal and dilated: van den Oord
    et al. 2016, "WaveNet: a generative model for raw audio", sec. 2.1.

    >>> from fnnet import rng
    >>> net = conv1d(6, 5, padding="causal")
    >>> net.shape((1, 28)), net.init(rng.key(0), (1, 28)).weight.shape
    ((6, 28), (6, 1, 5))
    """
    return convolution("conv1d", 1, channels, kernel, stride, padding, dilation, groups, padding_mode, bias, init)
