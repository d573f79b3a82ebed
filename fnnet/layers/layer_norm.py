"""`layer_norm`: the features of every example are brought to mean 0 and variance 1, then scaled and shifted."""

from fnnet.layers._norm import epsilon, gain_and_bias, norm_of_rows
from fnnet.recipe import factory
from fnnet.types import Layer


@factory
def layer_norm(*, axes: int | tuple[int, ...] = -1, gain: bool = True, bias: bool = True, eps: float = 1e-5) -> Layer:
    """Normalise what lies along the axes by its own mean and variance, then scale and shift it.

        y = g ŷ + b,    ŷ = (x - μ) r,    r = 1 / √(σ² + ε)
        db = Σ dy,  dg = Σ dy · ŷ,  dx = r (d - mean d - ŷ · mean(d ŷ))    with d = g dy

    μ, σ² (biased) and the means are along the axes, for every example and every place on the other axes alone; the sums
    over these. Keeps x, μ and r; training is no different from evaluation. Params: `gain` and `bias`, with the sizes of
    the axes as their shape.

    Args:
        axes: one or several of the batch array, not 0, the batch. Every place along them has a gain and a bias of its
            own. PyTorch's `normalized_shape` are the sizes of the last ones; axes=1 normalises over channels.
        gain: whether there is a g; it starts at one.
        bias: whether there is a b; it starts at zero.
        eps: ε > 0, inside the root.

    Shapes: x (N, D), (N, T, D) or any other, y like x.

    Raises:
        ConfigError: the axes hold 0 or are no axes; an option is out of its range.
        ShapeError: the input does not have the axes, or just one value along them, which would always become zero.

    Source: Ba, Kiros & Hinton 2016, "Layer normalization", equations 3 and 4.

    >>> import numpy as np
    >>> from fnnet import rng
    >>> params = layer_norm().init(rng.key(0), (2,))
    >>> layer_norm().apply(params, np.array([[1, 3], [0, 200]], np.float32))[0].round(3).tolist()
    [[-1.0, 1.0], [-1.0, 1.0]]
    """
    return norm_of_rows("layer_norm", axes, gain_and_bias("LayerNorm", gain, bias), epsilon(eps), centre=True)
