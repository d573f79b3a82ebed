"""`group_norm`: groups of channels of every example are brought to mean 0 and variance 1, then scaled and shifted."""

from fnnet.arguments import whole
from fnnet.layers._norm import epsilon, gain_and_bias, norm_of_groups
from fnnet.recipe import factory
from fnnet.types import Layer


@factory
def group_norm(groups: int, *, gain: bool = True, bias: bool = True, eps: float = 1e-5) -> Layer:
    """Normalise every group of channels of every example by its mean and variance, then scale and shift the channels.

        y = g ŷ + b,    ŷ = (x - μ) r,    r = 1 / √(σ² + ε)
        db = Σ dy,  dg = Σ dy · ŷ,  dx = r (d - mean d - ŷ · mean(d ŷ))    with d = g dy

    μ, σ² (biased) and the means are over the C / groups channels of a group and all positions; the sums over examples
    and positions. Keeps x - μ and r; training is no different from evaluation. Params: `gain` and `bias` (C,).

    Args:
        groups: of channels that follow each other; it divides C. One group is a layer norm with a gain for each
            channel, C groups are `instance_norm`.
        gain: whether there is a g; it starts at one.
        bias: whether there is a b; it starts at zero.
        eps: ε > 0, inside the root.

    Shapes: x (N, C, …) such as (N, D), (N, C, L) or (N, C, H, W); y like x.

    Raises:
        ConfigError: an option is out of its range.
        ShapeError: the groups do not divide the channels, or a group has just one value, which would always become
            zero.

    Source: Wu & He 2018, "Group normalization", equations 1, 2 and 7.

    >>> import numpy as np
    >>> from fnnet import rng
    >>> params = group_norm(2).init(rng.key(0), (4,))
    >>> group_norm(2).apply(params, np.array([[1, 3, 10, 70]], np.float32))[0].round(3).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """
    return norm_of_groups(
        "group_norm", whole("groups", groups, 1), gain_and_bias("GroupNorm", gain, bias), epsilon(eps)
    )
