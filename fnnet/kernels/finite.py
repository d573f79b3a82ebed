"""Whether an array is free of NaN and infinity, in one pass at the speed of memory."""

import math

import numpy as np

from fnnet.types import Array


def all_finite(array: Array) -> bool:
    """Whether all elements are finite numbers; objects, such as fractions, are taken to be.

    x·x takes BLAS one pass and is finite only if all of x is; where it overflows, every element is looked at. NumPy may
    warn of that: call it where `np.errstate` ignores overflow.
    """
    if array.dtype.kind == "O":
        return True
    flat = array.ravel("K")
    return (array.dtype.kind == "f" and math.isfinite(np.dot(flat, flat))) or bool(np.isfinite(array).all())
