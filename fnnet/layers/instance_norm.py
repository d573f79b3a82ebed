"""`instance_norm`: every channel of every example is brought to mean 0 and variance 1, then scaled and shifted."""

from fnnet.layers._norm import epsilon, gain_and_bias, norm_of_groups
from fnnet.recipe import factory
from fnnet.types import Layer


@factory
def instance_norm(*, gain: bool = True, bias: bool = True, eps: float = 1e-5) -> Layer:
    """Normalise every channel of every example by its mean and variance over all positions, then scale and shift it.

        y = g ŷ + b,    ŷ = (x - μ) r,    r = 1 / √(σ² + ε)
        db = Σ dy,  dg = Σ dy · ŷ,  dx = r (d - mean d - ŷ · mean(d ŷ))    with d = g dy

    A `group_norm` of as many groups as channels; μ and σ² (biased) are not remembered, so training is no different from
    evaluation. Keeps x - μ and r. Params: `gain` and `bias` (C,), which PyTorch leaves out unless asked.

    Args:
        gain: whether there is a g; it starts at one.
        bias: whether there is a b; it starts at zero.
        eps: ε > 0, inside the root.

    Shapes: x (N, C, L), (N, C, H, W) or (N, C, D, H, W); y like x.

    Raises:
        ConfigError: an option is out of its range.
        ShapeError: the input has no channels, or a single position, whose value would always become zero.

    Source: Ulyanov, Vedaldi & Lempitsky 2016, "Instance normalization", equation 3.

    >>> import numpy as np
    >>> from fnnet import rng
    >>> params = instance_norm().init(rng.key(0), (2, 2))
    >>> instance_norm().apply(params, np.array([[[1, 3], [10, 70]]], np.float32))[0].round(3).tolist()
    [[[-1.0, 1.0], [-1.0, 1.0]]]
    """
    return norm_of_groups("instance_norm", None, gain_and_bias("InstanceNorm", gain, bias), epsilon(eps))
