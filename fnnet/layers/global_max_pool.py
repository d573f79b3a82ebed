"""`global_max_pool`: the largest element of every channel."""

from fnnet.arguments import flag
from fnnet.kernels.regions import region_max, region_max_adjoint
from fnnet.layers._params import no_params
from fnnet.layers._window import pooled_shape, regions_over
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape


@factory
def global_max_pool(*, keep: bool = False) -> Layer:
    """The largest element of every channel of a signal, image or volume: features for a dense layer.

        y[n, c] = max_uv x[n, c, u, v],    dx = each dy at the element that won

    Ties go to the first element in row-major order. Keeps x, y and the maxima of rows.

    Args:
        keep: whether y keeps the axes, with one element each, as ONNX and PyTorch's `AdaptiveMaxPool2d(1)` do.

    Shapes: as in `global_avg_pool`.

    Raises:
        ConfigError, ShapeError: as in `global_avg_pool`.

    >>> global_max_pool().shape((64, 7, 7)), global_max_pool(keep=True).shape((64, 30))
    ((64,), (64, 1))
    """
    keep, regions_of = flag("keep", keep), regions_over(1)

    def shape(in_shape: Shape) -> Shape:
        return pooled_shape(in_shape, keep)

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        regions = regions_of(x.shape[1:])
        stages = region_max(x, regions)
        y = stages[-1]

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            return (), region_max_adjoint(dy.reshape(y.shape), stages, regions) if input_gradient else None

        return y if keep else y.reshape(y.shape[:2]), vjp

    return unchecked(no_params, apply, shape=shape, name="global_max_pool")
