"""`global_avg_pool`: the mean of every channel."""

import math

from fnnet.arguments import flag
from fnnet.kernels.regions import region_sum, region_sum_adjoint
from fnnet.layers._params import no_params
from fnnet.layers._window import pooled_shape, regions_over
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape


@factory
def global_avg_pool(*, keep: bool = False) -> Layer:
    """The mean of every channel of a signal, image or volume: features for a dense layer.

        y[n, c] = 1/k Σ_uv x[n, c, u, v],    dx[n, c, u, v] = dy[n, c] / k

    with k = H · W. Keeps nothing.

    Args:
        keep: whether y keeps the axes, with one element each, as ONNX and PyTorch's `AdaptiveAvgPool2d(1)` do.

    Shapes: x (N, C, H, W), y (N, C), with `keep` (N, C, 1, 1); signals (N, C, L) and volumes (N, C, D, H, W) alike.

    Raises:
        ConfigError: `keep` is no flag.
        ShapeError: the input has no axes behind the channels, or more than three.

    Source: Lin, Chen & Yan 2014, "Network in network", sec. 3.2.

    >>> global_avg_pool().shape((64, 7, 7)), global_avg_pool(keep=True).shape((64, 7, 7))
    ((64,), (64, 1, 1))
    """
    keep, regions_of = flag("keep", keep), regions_over(1)

    def shape(in_shape: Shape) -> Shape:
        return pooled_shape(in_shape, keep)

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        regions, sizes = regions_of(x.shape[1:]), x.shape[2:]
        k = math.prod(sizes)
        y = region_sum(x, regions)
        y /= k

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            if not input_gradient:
                return (), None
            return (), region_sum_adjoint(dy.reshape(*dy.shape[:2], *(1,) * len(sizes)) / k, regions, sizes)

        return y if keep else y.reshape(y.shape[:2]), vjp

    return unchecked(no_params, apply, shape=shape, name="global_avg_pool")
