"""`apply_updates`: the step itself."""

from typing import Any

import numpy as np

from fnnet.optim.engine import gradients_beside, is_trained, lay_out
from fnnet.tree import locked
from fnnet.types import Params


def apply_updates(params: Params, updates: Params) -> Params:
    """Move params by updates.

        θ ← θ + u

    A `Running` leaf is replaced by its successor in updates; a `Frozen` leaf, and a leaf with a hole in updates, is
    kept: the very same object. New arrays are read-only, arguments are never written to.

    Raises:
        StructureError: updates do not fit params; names the leaf.

    >>> params = {"weight": np.ones(2), "bias": np.zeros(1)}
    >>> apply_updates(params, {"weight": np.array([1.0, -1.0]), "bias": None})
    {'weight': array([2., 0.]), 'bias': array([0.])}
    """
    layout = lay_out(params)
    us = gradients_beside(updates, layout, "update")

    def step(p: Any, u: Any) -> Any:
        if u is None:
            return p
        return locked(np.add(p, u, out=np.empty(p.shape, p.dtype))) if is_trained(u) else u

    return layout.like([step(p, u) for p, u in zip(layout.leaves, us, strict=True)])
