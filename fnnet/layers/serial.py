"""`serial`: one layer after the other."""

from collections.abc import Sequence

from fnnet import rng, tree
from fnnet.arrays import Arrays, Cotangent, Shapes
from fnnet.errors import inside, located
from fnnet.layers._children import check_fields, child_names, kept, learns
from fnnet.recipe import factory
from fnnet.types import Apply, InputGradient, Layer, Params, Pullback, cached


@factory
def serial(*children: Layer, names: Sequence[str] | None = None) -> Layer:
    """Compose layers, the first one applied first.

        y = fₙ(… f₂(f₁(x))),    dx = J₁ᵀ(J₂ᵀ(… Jₙᵀ dy))

    Params are a NamedTuple with one field per child, named by kind and ordinal; each child's key is folded with that
    name, so putting an activation in between changes no other layer's initial weights. Asked for no input gradient,
    it also asks no child for one at or before the first child that learns.

    A slice such as `net[:-1]` or `net[2:]` is a serial of its layers under the names they have, so the same slice of
    the params, `params[2:]`, fits it.

    Args:
        children: in the order in which they are applied.
        names: of the fields, by default kind and ordinal.

    >>> from fnnet import layers, rng
    >>> net = serial(layers.dense(3), layers.relu(), layers.dense(2))
    >>> net.init(rng.key(0), (4,))._fields
    ('dense_0', 'relu_0', 'dense_1')
    >>> net.shape((4,))
    (2,)
    """
    return _serial(child_names(children, "serial", names), children)


def _serial(names: tuple[str, ...], children: Sequence[Layer]) -> Layer:
    kind = tree.record("Serial", names)

    def init(key: rng.Key, in_shape: Shapes) -> Params:
        params, here = [], in_shape
        for name, child in zip(names, children, strict=True):
            with located(name):
                params.append(child._init(rng.fold_in(key, name), here))
                here = child._shape(here)
        return kind(*params)

    def shape(in_shape: Shapes) -> Shapes:
        out_shape = in_shape
        for name, child in zip(names, children, strict=True):
            with located(name):
                out_shape = child._shape(out_shape)
        return out_shape

    def train(key: rng.Key) -> Layer:
        trained = [child.train(rng.fold_in(key, name)) for name, child in zip(names, children, strict=True)]
        return Layer("serial", init, _apply(names, trained), shape)

    def again(others: Sequence[Layer], their: tuple[str, ...] = names) -> Layer:
        return serial(*others, names=kept(their, others, "serial"))

    trains = any(child._train for child in children)
    return Layer(
        "serial",
        init,
        _apply(names, children),
        cached(shape, "anything"),
        train if trains else None,
        tuple(zip(names, children, strict=True)),
        again,
        lambda where: again(children[where], names[where]),
    )


def _apply(names: tuple[str, ...], children: Sequence[Layer]) -> Apply:
    kind = tree.record("Serial", names)

    def apply(params: Params, x: Arrays) -> tuple[Arrays, Pullback]:
        check_fields(params, names)
        y, pullbacks = x, []
        for name, child, own in zip(names, children, params, strict=True):
            try:
                y, pullback = child._apply(own, y)
            except Exception as error:
                inside(error, name)
                raise
            pullbacks.append(pullback)

        def vjp(dy: Cotangent, input_gradient: bool = True) -> tuple[Params, InputGradient]:
            """Pull dy back through the children, last first."""
            grads = list(params)  # right for children with nothing to learn
            first = 0 if input_gradient else next((i for i, own in enumerate(params) if learns(own)), len(params))
            dx: InputGradient = dy
            for i in reversed(range(first, len(params))):
                try:
                    grads[i], dx = pullbacks[i](dx, input_gradient or i > first)
                except Exception as error:
                    inside(error, names[i])
                    raise
            return kind(*grads), dx if input_gradient else None

        return y, vjp

    return apply
