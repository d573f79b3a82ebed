"""The length of leaves taken together, for parts that go by it, in the whole range of numbers."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fnnet.optim.engine import Block, pass_on
from fnnet.types import Array

_BLOCK = 2**14  # elements widened at a time
_LEAST = 1e-30  # factors between this and its inverse are exact in float32
_SHORT = 1e-140  # below, squares in float64 are so near its end that digits are lost


def length_of(leaves: Sequence[Array]) -> tuple[Any, float]:
    """`(length, unit)` with ‖u‖ = length · unit, ‖u‖² = Σ u² over all leaves, summed in float64 at least.

    The unit is 1, or the largest |u| where squares would overflow or vanish. Where a number is not finite, the length
    is NaN.

    >>> length_of([np.array([3.0]), np.array([-4.0])])
    (5.0, 1.0)
    >>> length_of([np.array([3e-200, 4e-200])])
    (1.25, 4e-200)
    """
    length = length_in(leaves, 1.0)
    if math.isfinite(length.real) and length.real >= _SHORT:
        return length, 1.0
    unit = largest(leaves)
    if unit == 0.0:
        return 0.0, 1.0
    return (length_in(leaves, unit), unit) if math.isfinite(unit) else (math.nan, 1.0)


def rescaling(leaves: Sequence[Array], measured: tuple[Any, float], wanted: float) -> tuple[float, Any]:
    """`(unit, share)` so that the leaves divided by the unit and times the share have the length that is wanted.

    The unit is 1, or the largest |u| where a single factor would leave the range of float32.

    Args:
        leaves: whose length is not 0.
        measured: `length_of(leaves)`.
        wanted: > 0.
    """
    length, unit = measured
    share = wanted / unit / length
    if _LEAST < share.real < 1 / _LEAST:
        return 1.0, share
    unit = largest(leaves)
    return unit, wanted / length_in(leaves, unit)


def rescale(block: Block, unit: float, share: Any) -> None:
    """u ← u / unit · share."""
    if unit != 1.0:
        np.divide(block.given, unit, out=block.update)
        block = block._replace(given=block.update)
    pass_on(block._replace(factor=share * block.factor))


def largest(leaves: Sequence[Array]) -> float:
    """The largest |u|, of complex numbers of their real parts; 0 of nothing."""
    return float(np.max([np.abs(u.real).max(initial=0) for u in leaves])) if leaves else 0.0


def length_in(leaves: Sequence[Array], unit: float) -> Any:
    """‖u‖ / unit."""
    with np.errstate(over="ignore", under="ignore"):
        return sum(_squares(u, unit) for u in leaves) ** 0.5


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
