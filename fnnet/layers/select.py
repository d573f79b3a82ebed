"""`select`: one part of a tuple."""

from typing import Any

from fnnet.arguments import whole
from fnnet.arrays import Arrays, Cotangent, Shapes, blank, gathered, is_tuple
from fnnet.errors import ShapeError, expected
from fnnet.layers._params import no_params
from fnnet.layers.layer import unchecked
from fnnet.recipe import factory
from fnnet.types import Layer, Params, Pullback


@factory
def select(i: int) -> Layer:
    """y = xᵢ,  dxᵢ = dy and zeros for all other parts (holes for whole numbers).

    Args:
        i: the part, from 0.

    Raises:
        ShapeError: x is no tuple, or has no such part.

    >>> select(1).shape(((3,), (5,)))
    (5,)
    """
    part = whole("i", i, 0)

    def shape(shapes: Any) -> Shapes:
        if not is_tuple(shapes) or part >= len(shapes):
            got = f"one of {len(shapes)}" if is_tuple(shapes) else "one array"
            raise ShapeError(expected("x", f"a tuple that has a part {part}", got))
        return shapes[part]

    def apply(params: Params, x: tuple[Arrays, ...]) -> tuple[Arrays, Pullback]:
        of = blank(x)

        def vjp(dy: Cotangent, input_gradient: bool = True) -> tuple[Params, Cotangent]:
            return (), gathered(of, [((part,), dy)])

        return x[part], vjp

    return unchecked(no_params, apply, shape=shape, name="select", takes="anything")
