"""`clip` and `clip_by_global_norm`: bounds on gradients, or on any updates."""

import math
from collections.abc import Sequence
from functools import partial

import numpy as np

from fnnet.arguments import real
from fnnet.optim.engine import Block, Part, Rule, finish, link, pass_on
from fnnet.optim.length import length_of, rescale, rescaling
from fnnet.recipe import factory
from fnnet.types import Array, Optimizer


@factory
def clip(value: float) -> Optimizer:
    """Bound every element.

        u ← min(max(u, -value), value)

    Stateless. Complex numbers are bounded by their real parts.

    Args:
        value: the bound, > 0.

    >>> import numpy as np
    >>> bounded = clip(1.0)
    >>> params, grads = (np.zeros(2),), (np.array([3.0, -0.5]),)
    >>> bounded.update(grads, bounded.init(params), params)[0]
    (array([ 1. , -0.5]),)
    """
    value = real("value", value, 0, open="(")

    def rule(block: Block) -> None:
        np.clip(block.given, -value, value, out=block.update)
        finish(block)

    return link(Part("clip", lambda count, updates: rule))


@factory
def clip_by_global_norm(norm: float) -> Optimizer:
    """Shorten all updates together where they are longer than `norm`; their direction stays.

        u ← u min(1, norm / ‖u‖),    ‖u‖² = Σ u² over all leaves

    Stateless. The sum is taken in float64 at least, in units of the largest |u| where squares would leave its range.
    Where an update is not finite there is no direction to keep, and all become NaN. (PyTorch divides by ‖u‖ + 10⁻⁶,
    optax as here.)

    Args:
        norm: the greatest length, > 0.

    Source: Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks", algorithm 1.

    >>> import numpy as np
    >>> bounded = clip_by_global_norm(1.0)
    >>> params, grads = (np.zeros(1), np.zeros(1)), (np.array([3.0]), np.array([-4.0]))
    >>> bounded.update(grads, bounded.init(params), params)[0]
    (array([0.6]), array([-0.8]))
    """
    limit = real("norm", norm, 0, open="(")

    def at(count: int, updates: Sequence[Array]) -> Rule:
        length, unit = measured = length_of(updates)
        if not math.isfinite(length.real):
            return partial(rescale, unit=1.0, share=math.nan)
        if length.real <= limit / unit:
            return pass_on
        unit, share = rescaling(updates, measured, limit)
        return partial(rescale, unit=unit, share=share)

    return link(Part("clip_by_global_norm", at, sees_all=True))
