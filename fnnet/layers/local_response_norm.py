"""`local_response_norm`: every number is divided by what its neighbours in other channels are like."""

import numpy as np

from fnnet.arguments import real, whole
from fnnet.arrays import in_words
from fnnet.errors import ConfigError, ShapeError, expected
from fnnet.kernels.neighbours import neighbour_sum
from fnnet.layers._params import no_params
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape


@factory
def local_response_norm(size: int, *, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Layer:
    """Divide every number by a power of the mean square of the same place in `size` neighbouring channels.

        y_c = x_c s_c^-β,    s_c = k + α/size · Σ x_j² over |c - j| ≤ (size - 1) / 2
        dx_c = dy_c s_c^-β - 2 α β/size · x_c Σ dy_j y_j / s_j over the same j

    Channels beyond the first and the last count as zeros. Keeps x, y, s and s^-β.

    Args:
        size: channels that count for one, odd: for an even number PyTorch looks further back and ONNX further ahead.
        alpha: α ≥ 0, divided by `size` as in PyTorch and ONNX; AlexNet's own is not, its 1e-4 is alpha=5e-4 here.
        beta: β ≥ 0, the power.
        k: > 0, what is there without neighbours; AlexNet's is 2.

    Shapes: x (N, C, …), y like x.

    Raises:
        ConfigError: an option is out of its range, or `size` is even.
        ShapeError: the input has no channels.

    Source: Krizhevsky, Sutskever & Hinton 2012, "ImageNet classification …", sec. 3.3.

    >>> local_response_norm(3, alpha=3.0, beta=1.0).apply((), np.array([[1.0, 1.0, 0.0, 2.0]]))[0].round(3)
    array([[0.333, 0.333, 0.   , 0.4  ]])
    """
    size, alpha, beta = whole("size", size, 1), real("alpha", alpha, 0), real("beta", beta, 0)
    k, reach = real("k", k, 0, open="("), size // 2
    if size % 2 == 0:
        raise ConfigError(expected("size", "an odd number of channels", size))

    def shape(in_shape: Shape) -> Shape:
        if not in_shape:
            raise ShapeError(expected("input", "(N, C, …)", in_words(in_shape)))
        return in_shape

    @np.errstate(under="ignore")  # squares that vanish beside k
    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        s = neighbour_sum(x * x, reach)
        s *= alpha / size
        s += k
        power = s**-beta
        y = x * power

        @np.errstate(under="ignore")
        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            if not input_gradient:
                return (), None
            share = neighbour_sum(dy * y / s, reach)
            share *= x
            share *= 2 * alpha * beta / size
            return (), dy * power - share

        return y, vjp

    return unchecked(no_params, apply, shape=shape, name="local_response_norm")
