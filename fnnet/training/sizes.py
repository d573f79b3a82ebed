"""`Sizes`: how large the numbers of an array are."""

import math
from typing import Any, NamedTuple

import numpy as np

from fnnet import tree
from fnnet.arrays import Array, Arrays, flat


class Sizes(NamedTuple):
    """How large the numbers of an array (or of a layer's arrays together) are.

    Args:
        size: numbers.
        nan: of these, NaN.
        infinite: of these, infinite.
        low: least of the finite ones; NaN where there is none.
        high: greatest of the finite ones.
        rms: root of the mean square of the finite ones.
        units: features or channels (axis 1); 0 where there is no such axis.
        dead: units that are zero for every example of the batch.
    """

    size: int
    nan: int
    infinite: int
    low: float
    high: float
    rms: float
    units: int = 0
    dead: int = 0

    @property
    def finite(self) -> bool:
        """Whether all are."""
        return not (self.nan or self.infinite)


def sizes(of: Arrays) -> Sizes:
    """The sizes of one array, axis 1 of which holds its units, or of a tuple of arrays together.

    >>> sizes(np.array([[0.0, 3.0], [0.0, -4.0], [0.0, np.inf]]))
    Sizes(size=6, nan=0, infinite=1, low=-4.0, high=3.0, rms=2.23606797749979, units=2, dead=1)
    """
    found = _sizes([leaf for leaf in flat(of) if leaf is not None])
    if type(of) is not np.ndarray or of.ndim < 2:
        return found
    used = (of != 0).any(axis=tuple(axis for axis in range(of.ndim) if axis != 1))
    return found._replace(units=used.size, dead=int(used.size - used.sum()))


def sizes_together(leaves: list[Any]) -> Sizes | None:
    """The sizes of a layer's leaves taken together, None where it has none."""
    return _sizes([tree.array(leaf) for leaf in leaves]) if leaves else None


def _sizes(arrays: list[Array]) -> Sizes:
    flat = np.concatenate([np.zeros(0), *(array.ravel() for array in arrays)]).astype(np.float64)
    nan = int(np.isnan(flat).sum())
    good = flat[np.isfinite(flat)]
    if not good.size:
        return Sizes(flat.size, nan, flat.size - nan, math.nan, math.nan, math.nan)
    rms = math.sqrt(np.square(good).mean())
    return Sizes(flat.size, nan, flat.size - nan - good.size, float(good.min()), float(good.max()), rms)
