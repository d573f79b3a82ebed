"""`reshape`: the same elements of every example in another shape."""

import math

from fnnet.arguments import shown, whole
from fnnet.errors import ConfigError, ShapeError, expected
from fnnet.layers._params import no_params
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape


@factory
def reshape(shape: tuple[int, ...]) -> Layer:
    """Give every example another shape, its elements in row-major order.

        y = x in the new shape,    dx = dy in the old one

    Keeps the shape of x. No copy where memory allows it.

    Args:
        shape: the new shape of one example, no batch axis; one axis may be -1, for whatever is left.

    Shapes: x (N, …), y (N, *shape).

    Raises:
        ConfigError: the shape is not made of whole numbers ≥ 1 with at most one -1.
        ShapeError: the input does not have that many elements.

    >>> reshape((16, -1)).shape((4, 4, 6))
    (16, 6)
    """
    try:
        target = tuple(-1 if isinstance(axis, int) and axis == -1 else whole("axis", axis, 1) for axis in shape)
    except (TypeError, ConfigError):
        target = (-1, -1)
    if target.count(-1) > 1:
        wanted = "a tuple of whole numbers ≥ 1, at most one of them -1, no batch axis"
        raise ConfigError(expected("shape", wanted, shown(shape)))
    return reshaped("reshape", target)


def reshaped(name: str, target: tuple[int, ...]) -> Layer:
    """A layer that reshapes every example to `target`; `flatten` is one too."""

    def resolve(in_shape: Shape) -> Shape:
        elements, known = math.prod(in_shape), math.prod(axis for axis in target if axis != -1)
        if elements % known or (-1 not in target and elements != known):
            raise ShapeError(expected("input", f"as many elements as {target} has", f"{elements} in {in_shape}"))
        return tuple(elements // known if axis == -1 else axis for axis in target)

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        y = x.reshape(len(x), *resolve(x.shape[1:]))

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array]:
            return (), dy.reshape(x.shape)

        return y, vjp

    return unchecked(no_params, apply, shape=resolve, name=name)
