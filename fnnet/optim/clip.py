"""`clip` and `clip_by_global_norm`: bounds on gradients, or on any updates."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fnnet.arguments import real
from fnnet.optim.engine import Block, Part, Rule, finish, link, pass_on
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

    Stateless. The sum is taken in float64 at least, in units of the largest |u| where squares would overflow. Where an
    update is not finite there is no direction to keep, and all become NaN. (PyTorch divides by ‖u‖ + 10⁻⁶, optax as
    here.)

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
        unit, length = 1.0, _length(updates)
        if not math.isfinite(length.real):
            unit = float(np.max([np.abs(u.real).max(initial=0) for u in updates]))
            length = _length(updates, unit) if math.isfinite(unit) else math.nan
        share = 1.0
        if not math.isfinite(length.real):
            share = math.nan
        elif length.real > limit / unit:
            share = limit / unit / length

        def rule(block: Block) -> None:
            pass_on(block._replace(factor=share * block.factor))

        return rule

    return link(Part("clip_by_global_norm", at, sees_all=True))


_BLOCK = 2**14  # elements widened at a time


def _length(updates: Sequence[Array], unit: float = 1.0) -> Any:
    """‖u‖ / unit."""
    with np.errstate(over="ignore"):
        return sum(_squares(u, unit) for u in updates) ** 0.5


def _squares(u: Array, unit: float) -> Any:
    """Σ (u / unit)² in float64 or wider, as a Python number where there is one."""
    elements, wide = u.reshape(-1), np.result_type(u.dtype, np.float64)
    total: Any = 0
    for a in range(0, elements.size, _BLOCK):
        block = elements[a : a + _BLOCK].astype(wide, copy=False)
        if unit != 1.0:
            block = block / unit
        total = total + block.dot(block)
    return total.item() if isinstance(total, np.generic) else total
