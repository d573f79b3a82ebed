"""`scale_pool`: the sum of every window, scaled and shifted as is learnt for each channel."""

import math

import numpy as np

from fnnet import rng, tree
from fnnet.kernels import pooling
from fnnet.kernels.moments import channel_dot, channel_sum, per_channel
from fnnet.kernels.order import laid_like
from fnnet.layers._params import leaf
from fnnet.layers._window import Padding, Size, windows_over
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape

_Params = tree.record("ScalePool", ("gain", "bias"))


@factory
def scale_pool(kernel: Size, stride: Size | None = None, *, padding: Padding = 0, dims: int = 2) -> Layer:
    """The trainable pooling of LeNet-5: the sum of every window, times a gain, plus a bias, of its channel.

        y[n, c, p, q] = g[c] · s[n, c, p, q] + b[c],    s[n, c, p, q] = Σ_ij x[n, c, p·S + i - a, q·T + j - b]
        dg[c] = Σ_npq dy · s,    db[c] = Σ_npq dy,    dx = each g[c] · dy at all elements of its window

    with strides S, T. Keeps s. Params: `gain` (C,), which starts at 1 / (kH · kW), so that the layer starts as
    `avg_pool`, and `bias` (C,), at zero. Weight decay by `is_weight` leaves both.

    Args:
        kernel, stride, dims: as in `max_pool`.
        padding: zeros on each side, as in `max_pool`.

    Shapes: as in `max_pool`.

    Raises:
        ConfigError, ShapeError: as in `max_pool`; or gain or bias is of other channels.

    Source: LeCun et al. 1998, "Gradient-based learning applied to document recognition", sec. II.B, layers S2 and S4,
    where a sigmoid follows; how they start is not said there.

    >>> from fnnet import rng
    >>> scale_pool(2).shape((6, 28, 28)), scale_pool(2).init(rng.key(0), (6, 28, 28)).gain.shape
    ((6, 14, 14), (6,))
    """
    windows = windows_over(kernel, stride, padding, dims)

    def shape(in_shape: Shape) -> Shape:
        return in_shape[0], *(axis.out for axis in windows(in_shape))

    def init(key: rng.Key, in_shape: Shape) -> Params:
        size = math.prod(axis.kernel for axis in windows(in_shape))
        return _Params(np.full(in_shape[0], 1 / size, np.float32), np.zeros(in_shape[0], np.float32))

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        axes, channels = windows(x.shape[1:]), x.shape[1:2]
        gain, bias = leaf(params, "gain", channels), leaf(params, "bias", channels)
        sums = pooling.window_sum(x, axes)
        y = sums * per_channel(gain, sums)
        y += per_channel(bias, sums)

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            dparams = _Params(channel_dot(laid_like(dy, sums), sums), channel_sum(dy))
            if not input_gradient:
                return dparams, None
            return dparams, pooling.window_sum_adjoint(dy * per_channel(gain, dy), axes)

        return y, vjp

    return unchecked(init, apply, shape=shape, name="scale_pool")
