"""`parallel`: several branches read one input, their outputs are summed or concatenated."""

from collections.abc import Callable, Sequence
from functools import reduce
from itertools import accumulate, pairwise
from typing import TypeVar

import numpy as np

from fnnet import rng, tree
from fnnet.arguments import one_of
from fnnet.errors import ConfigError, ShapeError, expected, inside
from fnnet.layers._children import check_fields, child_names, kept
from fnnet.recipe import factory
from fnnet.types import Array, Layer, Params, Pullback, Shape, cached

T = TypeVar("T")

Combine = Callable[[Sequence[Array]], tuple[Array, Callable[[Array], Sequence[Array]]]]


@factory
def parallel(*branches: Layer, combine: str = "sum", names: Sequence[str] | None = None) -> Layer:
    """Give one input to all branches and combine what they make of it.

        sum:          y = Σᵢ fᵢ(x),         dx = Σᵢ Jᵢᵀ dy
        concatenate:  y = [f₁(x) f₂(x) …],  dx = Σᵢ Jᵢᵀ dyᵢ   (along axis 1: channels or features)

    Params have one field per branch, named by kind and ordinal as in `serial`.

    Args:
        branches: at least one layer.
        combine: "sum" or "concatenate".
        names: of the fields, by default kind and ordinal.

    Raises:
        ShapeError: output shapes differ (outside the first axis, for "concatenate"); nothing is broadcast.

    >>> from fnnet import layers
    >>> parallel(layers.conv2d(4, 1), layers.conv2d(8, 3, padding=1), combine="concatenate").shape((1, 28, 28))
    (12, 28, 28)
    """
    own = child_names(branches, "parallel", names)

    def again(others: Sequence[Layer]) -> Layer:
        return parallel(*others, combine=combine, names=kept(own, others, "parallel"))

    if not branches:
        raise ConfigError(expected("parallel", "at least one branch", "none"))
    if combine == "sum":
        return summed("parallel", "Parallel", own, branches, again)
    if combine == "concatenate":
        return _branches("parallel", "Parallel", own, branches, _joined_shape, _concatenate, again)
    raise ConfigError(expected("combine", one_of(["sum", "concatenate"]), repr(combine)))


def summed(
    name: str,
    record: str,
    names: tuple[str, ...],
    branches: tuple[Layer, ...],
    again: Callable[[Sequence[Layer]], Layer],
) -> Layer:
    """The sum of branches, under given names; `residual` is one too. Of other branches, `again` makes the like."""
    child_names(branches, name)
    return _branches(name, record, names, branches, _equal_shape, _sum, again)


def _equal_shape(shapes: Sequence[Shape]) -> Shape:
    if len(set(shapes)) > 1:
        raise ShapeError(expected("branches to be summed", "equal output shapes", _and(shapes)))
    return shapes[0]


def _sum(ys: Sequence[Array]) -> tuple[Array, Callable[[Array], Sequence[Array]]]:
    """y = Σᵢ yᵢ, each dyᵢ = dy."""
    _equal_shape([y.shape for y in ys])
    return reduce(np.add, ys), lambda dy: [dy] * len(ys)


def _joined_shape(shapes: Sequence[Shape]) -> Shape:
    if not all(shapes) or len({shape[1:] for shape in shapes}) > 1:
        raise ShapeError(expected("branches to be concatenated", "output shapes equal after axis 0", _and(shapes)))
    return (sum(shape[0] for shape in shapes), *shapes[0][1:])


def _concatenate(ys: Sequence[Array]) -> tuple[Array, Callable[[Array], Sequence[Array]]]:
    """y = [y₁ y₂ …] along axis 1, dyᵢ the slice of dy where yᵢ lies."""
    cuts = list(accumulate((y.shape[1] for y in ys), initial=0))
    return np.concatenate(ys, axis=1), lambda dy: [dy[:, a:b] for a, b in pairwise(cuts)]


def _and(shapes: Sequence[Shape]) -> str:
    return " and ".join(str(shape) for shape in shapes)


def _branches(
    name: str,
    record: str,
    names: tuple[str, ...],
    branches: Sequence[Layer],
    combined_shape: Callable[[Sequence[Shape]], Shape],
    combine: Combine,
    again: Callable[[Sequence[Layer]], Layer],
) -> Layer:
    kind = tree.record(record, names)

    def init(key: rng.Key, in_shape: Shape) -> Params:
        def own(child: str, branch: Layer) -> Params:
            return branch._init(rng.fold_in(key, child), in_shape)

        return kind(*_each(own, names, branches))

    def shape(in_shape: Shape) -> Shape:
        return combined_shape(_each(lambda _, branch: branch._shape(in_shape), names, branches))

    def train(key: rng.Key) -> Layer:
        trained = [branch.train(rng.fold_in(key, child)) for child, branch in zip(names, branches, strict=True)]
        return _branches(name, record, names, trained, combined_shape, combine, again)

    def apply(params: Params, x: Array) -> tuple[Array, Pullback]:
        check_fields(params, names)
        ys, pullbacks = zip(*_each(lambda _, branch, own: branch._apply(own, x), names, branches, params), strict=True)
        y, split = combine(ys)

        def vjp(dy: Array, input_gradient: bool = True) -> tuple[Params, Array | None]:
            """Each branch pulls its share of dy back; what reaches x adds up."""
            pulled = _each(lambda _, pullback, own: pullback(own, input_gradient), names, pullbacks, split(dy))
            grads, dxs = zip(*pulled, strict=True)
            return kind(*grads), reduce(np.add, dxs) if input_gradient else None

        return y, vjp

    trains = any(branch._train for branch in branches)
    return Layer(
        name,
        init,
        apply,
        cached(shape),
        train if trains else None,
        tuple(zip(names, branches, strict=True)),
        again,
    )


def _each(f: Callable[..., T], names: tuple[str, ...], *columns: Sequence[object]) -> list[T]:
    """`f(name, …)` row by row, an error saying in which branch it arose."""
    results = []
    for row in zip(names, *columns, strict=True):
        try:
            results.append(f(*row))
        except Exception as error:
            inside(error, row[0])
            raise
    return results
