"""What layers with weights share: their records and the check that a leaf is an array."""

from typing import Any

import numpy as np

from fnnet import tree
from fnnet.errors import StructureError, expected
from fnnet.types import Array


def leaf(params: Any, field: str) -> Array:
    """The array in one field of a layer's params.

    Raises:
        StructureError: the field is missing or holds something else.
    """
    found = getattr(params, field, None)
    if isinstance(found, np.ndarray):
        return found
    if isinstance(found, tree.Frozen):
        fix = "wrap the layer in layers.frozen, or use tree.release(params)"
        raise StructureError(expected(field, "a trained array", "a frozen one", fix))
    got = "no such field" if found is None else type(found).__name__
    raise StructureError(expected(field, "an array", got, "make params with this layer's init"))
