"""What combinators of several layers side by side share: `parallel`, whose layers read one x, and `beside`."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from fnnet import rng, tree
from fnnet.arrays import Arrays, Cotangent, Shapes
from fnnet.errors import located
from fnnet.layers._children import check_fields
from fnnet.types import InputGradient, Layer, Params, Pullback, cached

T = TypeVar("T")


class Way(NamedTuple):
    """What is done in front of the layers, or behind them.

    Args:
        shape: of what comes -> of what goes.
        apply: what comes -> (what goes, its cotangent -> that of what came).
    """

    shape: Callable[[Any], Any]
    apply: Callable[[Any], tuple[Any, Callable[[Any], Any]]]


def side_by_side(
    kind: tuple[str, str],
    names: tuple[str, ...],
    layers: Sequence[Layer],
    ways: tuple[Way, Way],
    again: Callable[[Sequence[Layer]], Layer],
) -> Layer:
    """Layers of which each reads what the first way gives it; the second makes one value of theirs.

    Args:
        kind: the combinator's name, and that of its params.
        names: of the params' fields.
        layers: one for each name.
        ways: x -> what each layer reads; what they make -> y.
        again: the like of other layers.
    """
    record = tree.record(kind[1], names)
    share, combine = ways

    def init(key: rng.Key, in_shape: Shapes) -> Params:
        keys = [rng.fold_in(key, name) for name in names]
        own = _each(lambda _, layer, key, read: layer._init(key, read), names, layers, keys, share.shape(in_shape))
        return record(*own)

    def shape(in_shape: Shapes) -> Shapes:
        return combine.shape(_each(lambda _, layer, read: layer._shape(read), names, layers, share.shape(in_shape)))

    def train(key: rng.Key) -> Layer:
        trained = [layer.train(rng.fold_in(key, name)) for name, layer in zip(names, layers, strict=True)]
        return side_by_side(kind, names, trained, ways, again)

    def apply(params: Params, x: Arrays) -> tuple[Arrays, Pullback]:
        check_fields(params, names)
        read, unshare = share.apply(x)
        made = _each(lambda _, layer, own, x: layer._apply(own, x), names, layers, params, read)
        ys, pullbacks = zip(*made, strict=True)
        y, split = combine.apply(ys)

        def vjp(dy: Cotangent, input_gradient: bool = True) -> tuple[Params, InputGradient]:
            """Each layer pulls its share of dy back to what it read."""
            pulled = _each(lambda _, pullback, own: pullback(own, input_gradient), names, pullbacks, split(dy))
            grads, dxs = zip(*pulled, strict=True)
            return record(*grads), unshare(dxs) if input_gradient else None

        return y, vjp

    trains = any(layer._train for layer in layers)
    children = tuple(zip(names, layers, strict=True))
    return Layer(kind[0], init, apply, cached(shape, "anything"), train if trains else None, children, again)


def _each(f: Callable[..., T], names: tuple[str, ...], *columns: Sequence[Any]) -> list[T]:
    """`f(name, …)` row by row, an error saying in which layer it arose."""
    results = []
    for row in zip(names, *columns, strict=True):
        with located(row[0]):
            results.append(f(*row))
    return results


def as_tuple() -> Way:
    """Values as they are, a tuple of them: dyᵢ is part i of dy."""
    return Way(tuple, lambda ys: (tuple(ys), lambda dy: dy))
