"""`per_step`: a layer at every step of a sequence."""

from typing import Any

from fnnet import rng
from fnnet.arrays import Arrays, Cotangent, Shapes, each, flat
from fnnet.layers._children import seen_through
from fnnet.layers._time import of_steps, one_step, steps
from fnnet.recipe import factory
from fnnet.types import Array, InputGradient, Layer, Params, Pullback, cached, check_net


@factory
def per_step(layer: Layer) -> Layer:
    """Apply a layer to every step alike: N sequences of T steps are N · T examples to it.

        ysₜ = f(xsₜ),    dxsₜ = J_fᵀ dysₜ,    dparams = Σₜ dparamsₜ

    Whatever looks across examples looks across steps too: batch norm takes the statistics of all N · T, dropout draws
    for each of them. The params are the layer's own.

    Args:
        layer: any layer of single steps.

    Shapes: xs (N, T, …), ys (N, T, …), or tuples of such arrays with one T.

    Raises:
        ShapeError: x has no steps, or its parts have different numbers of them.

    >>> from fnnet import layers
    >>> per_step(layers.dense(10)).shape((7, 4))
    (7, 10)
    """
    inner = check_net(layer)
    return Layer(
        "per_step",
        _init(inner),
        _apply(inner),
        _shape(inner),
        None if inner._train is None else lambda key: _trained(inner, key),
        *seen_through(inner, per_step),
    )


def _trained(inner: Layer, key: rng.Key) -> Layer:
    trained = inner.train(key)
    return Layer("per_step", _init(inner), _apply(trained), _shape(inner))


def _init(inner: Layer) -> Any:
    def init(key: rng.Key, in_shape: Shapes) -> Params:
        steps(in_shape)
        return inner._init(key, one_step(in_shape))

    return init


def _shape(inner: Layer) -> Any:
    def shape(in_shape: Shapes) -> Shapes:
        t = steps(in_shape)
        return of_steps(inner._shape(one_step(in_shape)), t)

    return cached(shape, "anything")


def _apply(inner: Layer) -> Any:
    def apply(params: Params, x: Arrays) -> tuple[Arrays, Pullback]:
        n, t = flat(x)[0].shape[:2]

        def folded(array: Array | None) -> Array | None:
            return None if array is None else array.reshape(n * t, *array.shape[2:])

        def unfolded(array: Array | None) -> Array | None:
            return None if array is None else array.reshape(n, t, *array.shape[1:])

        y, pullback = inner._apply(params, each(folded, x))

        def vjp(dy: Cotangent, input_gradient: bool = True) -> tuple[Params, InputGradient]:
            dparams, dx = pullback(each(folded, dy), input_gradient)
            return dparams, each(unfolded, dx) if input_gradient else None

        return each(unfolded, y), vjp

    return apply
