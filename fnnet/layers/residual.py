"""`residual`: a body and a way around it."""

from fnnet.layers._branches import side_by_side
from fnnet.layers._children import child_names
from fnnet.layers.identity import identity
from fnnet.layers.parallel import COMBINED, to_all
from fnnet.recipe import factory
from fnnet.types import Layer


@factory
def residual(body: Layer, shortcut: Layer = identity()) -> Layer:
    """Add a body's value to what takes the shortcut, by default x itself.

        y = body(x) + shortcut(x),    dx = J_bodyᵀ dy + J_shortcutᵀ dy

    Params have the fields `body` and `shortcut`.

    Raises:
        ShapeError: body and shortcut differ in output shape; nothing is broadcast.

    Source: He et al. 2016, "Deep residual learning for image recognition", eq. 1 and 2.

    >>> from fnnet import layers
    >>> residual(layers.dense(4)).shape((4,))
    (4,)
    """
    branches = (body, shortcut)
    child_names(branches, "residual")
    ways = to_all(2), COMBINED["sum"]
    return side_by_side(
        ("residual", "Residual"), ("body", "shortcut"), branches, ways, lambda others: residual(*others)
    )
