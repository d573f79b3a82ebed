"""`rms_norm`: the features of every example are brought to mean square 1, then scaled."""

from fnnet.layers._norm import epsilon, gain_and_bias, norm_of_rows
from fnnet.recipe import factory
from fnnet.types import Layer


@factory
def rms_norm(*, axes: int | tuple[int, ...] = -1, gain: bool = True, eps: float = 1e-5) -> Layer:
    """Normalise what lies along the axes by its root mean square, then scale it: a layer norm without a centre.

        y = g ŷ,    ŷ = x r,    r = 1 / √(mean x² + ε)
        dg = Σ dy · ŷ,  dx = r (d - ŷ · mean(d ŷ))    with d = g dy

    Means are along the axes, for every example and every place on the other axes alone; the sum is over these. Keeps x
    and r; training is no different from evaluation. Params: `gain`, with the sizes of the axes as its shape.

    Args:
        axes: one or several of the batch array, not 0, the batch; every place along them has a gain of its own.
        gain: whether there is a g; it starts at one.
        eps: ε > 0, inside the root (PyTorch's default is the dtype's, 1.2e-7 in float32).

    Shapes: x (N, D), (N, T, D) or any other, y like x.

    Raises:
        ConfigError: the axes hold 0 or are no axes; an option is out of its range.
        ShapeError: the input does not have the axes.

    Source: Zhang & Sennrich 2019, "Root mean square layer normalization", equation 4.

    >>> import numpy as np
    >>> from fnnet import rng
    >>> params = rms_norm().init(rng.key(0), (2,))
    >>> rms_norm().apply(params, np.array([[1, 7], [3, -4]], np.float32))[0].round(3)
    array([[ 0.2  ,  1.4  ],
           [ 0.849, -1.131]], dtype=float32)
    """
    return norm_of_rows("rms_norm", axes, gain_and_bias("RmsNorm", gain, False), epsilon(eps), centre=False)
