"""`frozen`: a layer that is used but not trained."""

from fnnet import rng, tree
from fnnet.arrays import Arrays, Cotangent, Shapes
from fnnet.errors import StructureError, expected
from fnnet.layers._children import seen_through
from fnnet.recipe import factory
from fnnet.types import InputGradient, Layer, Params, Pullback, check_net


@factory
def frozen(inner: Layer) -> Layer:
    """The layer in evaluation mode for ever, its leaves held (statistics too), under its own name and keys.

    To put trained params into it, mark them with `tree.hold`; `tree.release` undoes that exactly.

    >>> from fnnet import layers, rng, tree
    >>> net = layers.serial(frozen(layers.dense(3)), layers.dense(2))
    >>> tree.structure(net.init(rng.key(0), (4,)))
    Serial(dense_0=Dense(weight=frozen leaf, bias=frozen leaf), dense_1=Dense(weight=leaf, bias=leaf))
    """
    check_net(inner, "frozen: argument", "wrap the layer, and mark its params with tree.hold(params)")

    def init(key: rng.Key, shape: Shapes) -> Params:
        return tree.hold(inner._init(key, shape))

    def apply(params: Params, x: Arrays) -> tuple[Arrays, Pullback]:
        _check_held(params)
        y, pullback = inner._apply(tree.release(params), x)

        def vjp(dy: Cotangent, input_gradient: bool = True) -> tuple[Params, InputGradient]:
            """A frozen leaf is answered by itself; the cotangent still passes through."""
            return params, pullback(dy)[1] if input_gradient else None

        return y, vjp

    return Layer(inner.name, init, apply, inner._shape, None, *seen_through(inner, frozen))


def _check_held(params: Params) -> None:
    """Raise unless every leaf is held; another would be taken for its own gradient."""
    for leaf in tree.leaves(params):
        if not isinstance(leaf, tree.Frozen):
            path = next(path for path, other in tree.items(params) if other is leaf)
            fix = "mark the params with tree.hold(params)"
            raise StructureError(expected(path or "params", "a frozen leaf", type(leaf).__name__, fix))
