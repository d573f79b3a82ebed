"""`beside`: layers side by side, each on its own part of a tuple."""

from collections.abc import Callable, Sequence
from typing import Any

from fnnet.arrays import Cotangent, Shapes, is_tuple
from fnnet.errors import ConfigError, ShapeError, expected
from fnnet.layers._branches import Way, as_tuple, side_by_side
from fnnet.layers._children import child_names, kept
from fnnet.recipe import factory
from fnnet.types import Layer


@factory
def beside(*layers: Layer, names: Sequence[str] | None = None) -> Layer:
    """Give each layer its own part of a tuple.

        y = (f₁(x₁), f₂(x₂), …),    dx = (J₁ᵀ dy₁, J₂ᵀ dy₂, …)

    Params have one field per layer, named by kind and ordinal as in `serial`.

    Args:
        layers: at least one.
        names: of the fields, by default kind and ordinal.

    Raises:
        ShapeError: x is no tuple of as many parts.

    >>> from fnnet import layers
    >>> net = layers.serial(beside(layers.dense(3), layers.identity()), layers.concatenate(), layers.dense(1))
    >>> net.shape(((7,), (2,)))
    (1,)
    """
    own = child_names(layers, "beside", names)
    if not layers:
        raise ConfigError(expected("beside", "at least one layer", "none"))

    def again(others: Sequence[Layer]) -> Layer:
        return beside(*others, names=kept(own, others, "beside"))

    return side_by_side(("beside", "Beside"), own, layers, (_to_each(len(own)), as_tuple()), again)


def _to_each(n: int) -> Way:
    def shape(shapes: Shapes) -> Shapes:
        if not is_tuple(shapes) or len(shapes) != n:  # type: ignore[arg-type]
            got = f"{len(shapes)}" if is_tuple(shapes) else "one array"  # type: ignore[arg-type]
            raise ShapeError(expected("x", f"a tuple of {n} parts, one for each layer", got))
        return shapes

    def apply(x: Any) -> tuple[Any, Callable[[Sequence[Cotangent]], Cotangent]]:
        return x, tuple

    return Way(shape, apply)
