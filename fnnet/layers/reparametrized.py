"""`reparametrized`: a layer whose params are made of others, which are trained in their place."""

from collections.abc import Callable
from typing import Any, TypeAlias

from fnnet import rng
from fnnet.arguments import is_function, shown
from fnnet.arrays import Arrays, Cotangent, Shapes
from fnnet.errors import ConfigError, StructureError, expected
from fnnet.types import Apply, InputGradient, Layer, Params, Pullback, check_net

Make: TypeAlias = Callable[[Params], tuple[Params, Callable[[Params], Params]]]  # p -> (params, dparams -> dp)


def reparametrized(layer: Layer, begin: Callable[[Params], Params], make: Make, *, train: Make | None = None) -> Layer:
    """The layer with params m(p), of which p is trained.

        y = layer(m(p), x),    dp = (∂m/∂p)ᵀ dparams,  dx as the layer has it

    It has the layer's name, and draws what the layer draws. `weight_norm`, `spectral_norm` and `tied` are such; for a
    function of your own that makes one, `fnnet.recipe.factory` gives it a recipe.

    Args:
        layer: any layer.
        begin: of the params that the layer's `init` makes, the p to begin with.
        make: `p -> (params, pull)`: the layer's params, and `pull(dparams) -> dp`, the gradient of p by theirs. A
            `Running` leaf of p is answered by its successor, in evaluation by itself.
        train: `make` as it is in a training step, by default the same.

    Raises:
        ConfigError: the layer is none, or what should be a function is none.
        StructureError: `make` returns something else than a pair.

    A dense layer whose weights stay positive, w = eᵖ:

    >>> import numpy as np
    >>> from fnnet import layers, rng
    >>> def make(p):
    ...     params = p._replace(weight=np.exp(p.weight))
    ...     return params, lambda d: d._replace(weight=d.weight * params.weight)
    >>> net = reparametrized(layers.dense(2), lambda params: params._replace(weight=-np.abs(params.weight)), make)
    >>> bool((net.apply(net.init(rng.key(0), (3,)), np.eye(3, dtype=np.float32))[0] > 0).all())
    True
    """
    check_net(layer, "layer")
    for what, function in (("begin", begin), ("make", make), ("train", train or make)):
        if not is_function(function):
            raise ConfigError(expected(what, "a function", shown(function)))

    def init(key: rng.Key, shape: Shapes) -> Params:
        return begin(layer._init(key, shape))

    sample, step = layer._train, train or make

    def trained(key: rng.Key) -> Layer:
        inner = layer if sample is None else sample(key)
        return Layer(layer.name, init, _made(inner._apply, step), layer._shape)

    differs = sample is not None or train is not None
    return Layer(layer.name, init, _made(layer._apply, make), layer._shape, trained if differs else None)


def _made(inner: Apply, make: Make) -> Apply:
    def apply(p: Params, x: Arrays) -> tuple[Any, Pullback]:
        found = make(p)
        if not (isinstance(found, tuple) and len(found) == 2 and callable(found[1])):
            raise StructureError(expected("make", "(params, pull): params and a function", type(found).__name__))
        params, pull = found
        y, inner_vjp = inner(params, x)

        def vjp(dy: Cotangent, input_gradient: bool = True) -> tuple[Params, InputGradient]:
            dparams, dx = inner_vjp(dy, input_gradient)
            return pull(dparams), dx

        return y, vjp

    return apply
