"""`clip` and `clip_by_global_norm`: bounds on gradients, or on any updates."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnnet.errors import real
from fnnet.optim.chain import link
from fnnet.optim.part import Part, passing
from fnnet.types import Array, Optimizer


def clip(value: float) -> Optimizer:
    """Bound every element.

        u ← min(max(u, -value), value)

    Stateless. Complex numbers are bounded by their real part.

    Args:
        value: the bound, > 0.

    >>> import numpy as np
    >>> clip(1.0).update((np.array([3.0, -0.5]),), ((),), (np.zeros(2),))[0]
    (array([ 1. , -0.5]),)
    """
    value = real("value", value, 0, open="(")

    def rule(
        u: Array, g: Array, p: Any, old: Sequence[Array], new: Sequence[Array], spare: Array, factor: float
    ) -> None:
        np.clip(g, -value, value, out=u)
        passing(u, u, p, old, new, spare, factor)

    return link(Part("clip", lambda count, updates: rule))
