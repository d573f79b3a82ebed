"""`sinusoidal_positions`: where a step stands, by waves of many lengths."""

from fnnet.arguments import real
from fnnet.kernels.rotation import waves
from fnnet.layers._params import no_params
from fnnet.layers._time import sequence_shape
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback


@factory
def sinusoidal_positions(*, base: float = 10000.0) -> Layer:
    """Add to every step sines and cosines of its number.

        y[t, 2i] = x[t, 2i] + sin θ,  y[t, 2i + 1] = x[t, 2i + 1] + cos θ,  θ = t / baseᐟ^(2i/D);    dx = dy

    Keeps nothing.

    Args:
        base: the longest wave is 2π · base steps.

    Shapes: x (N, T, D), y like x.

    Raises:
        ShapeError: x is no sequence.

    Source: Vaswani et al. 2017, "Attention is all you need", section 3.5.

    >>> import numpy as np
    >>> y, _ = sinusoidal_positions().apply((), np.zeros((1, 3, 4)))
    >>> y[0].round(4).tolist()
    [[0.0, 1.0, 0.0, 1.0], [0.8415, 0.5403, 0.01, 1.0], [0.9093, -0.4161, 0.02, 0.9998]]
    """
    number = real("base", base, 0, open="(")

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            return (), dy if input_gradient else None

        return x + waves(x.shape[1], x.shape[2], number).astype(x.real.dtype), vjp

    return unchecked(no_params, apply, shape=sequence_shape, name="sinusoidal_positions")
