"""`adaptive_max_pool`: as many maxima as are asked for, whatever the size of the image."""

from fnnet.kernels.regions import region_max, region_max_adjoint
from fnnet.layers._params import no_params
from fnnet.layers._window import Size, regions_over
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape


@factory
def adaptive_max_pool(size: Size) -> Layer:
    """The maxima of `size` regions along every axis behind the channels, of signals, images and volumes.

        y[n, c, p, q] = max x[n, c, u, v] over ⌊p·H/P⌋ ≤ u < ⌈(p+1)·H/P⌉ and v alike,    dx = each dy at the winner

    with P outputs of H elements; regions are those of `adaptive_avg_pool`. Ties go to the first element of the region
    in row-major order. Keeps x, y and the maxima of rows. y lies in memory like x.

    Args:
        size: outputs along every axis, one number; or one for each of 1, 2 or 3 axes.

    Shapes: as in `adaptive_avg_pool`.

    Raises:
        ConfigError, ShapeError: as in `adaptive_avg_pool`.

    >>> adaptive_max_pool(3).shape((6, 7, 5)), adaptive_max_pool(4).shape((6, 10))
    ((6, 3, 3), (6, 4))
    """
    regions_of = regions_over(size)

    def shape(in_shape: Shape) -> Shape:
        return in_shape[0], *map(len, regions_of(in_shape))

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        regions = regions_of(x.shape[1:])
        stages = region_max(x, regions)

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            return (), region_max_adjoint(dy, stages, regions) if input_gradient else None

        return stages[-1], vjp

    return unchecked(no_params, apply, shape=shape, name="adaptive_max_pool")
