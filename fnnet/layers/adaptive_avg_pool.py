"""`adaptive_avg_pool`: as many means as are asked for, whatever the size of the image."""

from fnnet.kernels.regions import region_counts, region_sum, region_sum_adjoint
from fnnet.layers._params import no_params
from fnnet.layers._window import Size, regions_over
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape


@factory
def adaptive_avg_pool(size: Size) -> Layer:
    """The means of `size` regions along every axis behind the channels, of signals, images and volumes.

        y[n, c, p, q] = 1/k Σ x[n, c, u, v] over ⌊p·H/P⌋ ≤ u < ⌈(p+1)·H/P⌉ and v alike,    dx = each dy/k there

    with P outputs of H elements, k of them in the region. Regions are as equal as they can be, and where P does not
    divide H they overlap: the rule of PyTorch. Keeps nothing. y lies in memory like x.

    Args:
        size: outputs along every axis, one number; or one for each of 1, 2 or 3 axes.

    Shapes: x (N, C, H, W), y (N, C, P, Q); signals (N, C, L) and volumes (N, C, D, H, W) alike.

    Raises:
        ConfigError: the size is none.
        ShapeError: the input has other axes behind the channels.

    Source: He et al. 2015, "Spatial pyramid pooling in deep convolutional networks", sec. 2.3.

    >>> adaptive_avg_pool(3).shape((6, 7, 5)), adaptive_avg_pool((2, 1)).shape((6, 7, 5))
    ((6, 3, 3), (6, 2, 1))
    """
    regions_of = regions_over(size)

    def shape(in_shape: Shape) -> Shape:
        return in_shape[0], *map(len, regions_of(in_shape))

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        regions, sizes = regions_of(x.shape[1:]), x.shape[2:]
        k = region_counts(regions).astype(x.dtype)
        y = region_sum(x, regions)
        y /= k

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            return (), region_sum_adjoint(dy / k, regions, sizes) if input_gradient else None

        return y, vjp

    return unchecked(no_params, apply, shape=shape, name="adaptive_avg_pool")
