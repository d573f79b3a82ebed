"""`residual`: a body and a way around it."""

from fnnet.layers.identity import identity
from fnnet.layers.parallel import summed
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
    return summed("residual", "Residual", ("body", "shortcut"), (body, shortcut), lambda others: residual(*others))
