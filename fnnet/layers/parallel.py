"""`parallel`: several branches read one input; their outputs are summed, concatenated, or stay a tuple."""

from collections.abc import Callable, Sequence
from functools import reduce
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from fnnet.arguments import one_of, shown
from fnnet.arrays import Array, Cotangent, Shape, Shapes, is_floats, plus
from fnnet.errors import ConfigError, ShapeError, expected
from fnnet.layers._branches import Way, as_tuple, side_by_side
from fnnet.layers._children import child_names, kept
from fnnet.recipe import factory
from fnnet.types import Layer


@factory
def parallel(*branches: Layer, combine: str = "sum", names: Sequence[str] | None = None) -> Layer:
    """Give one input to all branches and combine what they make of it.

        sum:          y = Σᵢ fᵢ(x),          dx = Σᵢ Jᵢᵀ dy
        concatenate:  y = [f₁(x) f₂(x) …],   dx = Σᵢ Jᵢᵀ dyᵢ   (along axis 1: channels or features)
        tuple:        y = (f₁(x), f₂(x), …), dx = Σᵢ Jᵢᵀ dyᵢ

    Params have one field per branch, named by kind and ordinal as in `serial`.

    Args:
        branches: at least one layer.
        combine: "sum", "concatenate" or "tuple".
        names: of the fields, by default kind and ordinal.

    Raises:
        ShapeError: output shapes differ (outside the first axis, for "concatenate"); nothing is broadcast.

    >>> from fnnet import layers
    >>> parallel(layers.conv2d(4, 1), layers.conv2d(8, 3, padding=1), combine="concatenate").shape((1, 28, 28))
    (12, 28, 28)
    >>> parallel(layers.dense(2), layers.dense(3), combine="tuple").shape((5,))
    ((2,), (3,))
    """
    own = child_names(branches, "parallel", names)

    def again(others: Sequence[Layer]) -> Layer:
        return parallel(*others, combine=combine, names=kept(own, others, "parallel"))

    if not branches:
        raise ConfigError(expected("parallel", "at least one branch", "none"))
    if combine not in COMBINED:
        raise ConfigError(expected("combine", one_of(COMBINED), shown(combine)))
    return side_by_side(("parallel", "Parallel"), own, branches, (to_all(len(own)), COMBINED[combine]), again)


def to_all(n: int) -> Way:
    """One x for n layers; what reaches it adds up."""

    def apply(x: Any) -> tuple[list[Any], Callable[[Sequence[Cotangent]], Cotangent]]:
        return [x] * n, lambda dxs: reduce(plus, dxs)

    return Way(lambda shape: [shape] * n, apply)


def _equal_shape(shapes: Sequence[Shapes]) -> Shape:
    _check_floats("summed", shapes)
    if len(set(shapes)) > 1:
        raise ShapeError(expected("branches to be summed", "equal output shapes", _and(shapes)))
    return shapes[0]  # type: ignore[return-value]


def _sum(ys: Sequence[Array]) -> tuple[Array, Callable[[Array], Sequence[Array]]]:
    """y = Σᵢ yᵢ, each dyᵢ = dy."""
    _equal_shape([y.shape for y in ys])
    return reduce(np.add, ys), lambda dy: [dy] * len(ys)


def _joined_shape(shapes: Sequence[Any]) -> Shape:
    _check_floats("concatenated", shapes)
    if not all(shapes) or len({shape[1:] for shape in shapes}) > 1:
        raise ShapeError(expected("branches to be concatenated", "output shapes equal after axis 0", _and(shapes)))
    return (sum(shape[0] for shape in shapes), *shapes[0][1:])


def _concatenate(ys: Sequence[Array]) -> tuple[Array, Callable[[Array], Sequence[Array]]]:
    """y = [y₁ y₂ …] along axis 1, dyᵢ the slice of dy where yᵢ lies."""
    cuts = list(accumulate((y.shape[1] for y in ys), initial=0))
    return np.concatenate(ys, axis=1), lambda dy: [dy[:, a:b] for a, b in pairwise(cuts)]


def _check_floats(what: str, shapes: Sequence[Shapes]) -> None:
    if not all(map(is_floats, shapes)):
        raise ShapeError(expected(f"branches to be {what}", "one array of floats each", _and(shapes)))


def _and(shapes: Sequence[Shapes]) -> str:
    return " and ".join(str(shape) for shape in shapes)


COMBINED = {"sum": Way(_equal_shape, _sum), "concatenate": Way(_joined_shape, _concatenate), "tuple": as_tuple()}
