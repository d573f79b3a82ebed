"""`flatten`: every example as one vector."""

from fnnet.layers.reshape import reshaped
from fnnet.recipe import factory
from fnnet.types import Layer


@factory
def flatten() -> Layer:
    """Every example as a vector, its elements in row-major order (channels, then rows, then columns).

        y = x in one axis,    dx = dy in the old shape

    Costs nothing on batch-last images: the result is a view whose batch axis lies densest, which `dense` reads as it
    is. Keeps the shape of x.

    Shapes: x (N, …), y (N, D) with D the number of elements of one example.

    >>> flatten().shape((16, 4, 4))
    (256,)
    """
    return reshaped("flatten", (-1,))
