"""Looking into a net: the same net with every layer replaced by what a function makes of it.

Combinators say what is inside them (iterate over the net) and how to put other children in their place;
everything else, a user's own layer too, is a leaf and stays opaque.
"""

from collections.abc import Callable
from functools import reduce

from fnnet.types import Layer, Params


def replace(
    f: Callable[[str, Layer], Layer], net: Layer, around: Callable[[str, Layer], Layer] = lambda _, layer: layer
) -> Layer:
    """The net with each innermost layer replaced by `f(path, layer)`; params keep their structure and paths.

    The path joins the names of fields with dots, as the paths of `fnnet.tree` do; a net that is no combinator has the
    empty path. `around(path, layer)` then makes something of each combination of replaced layers. Where nothing is
    replaced, the net itself comes back.

    >>> from fnnet import layers
    >>> seen = []
    >>> net = layers.serial(layers.dense(3), layers.residual(layers.dense(3)))
    >>> _ = replace(lambda path, layer: seen.append(path) or layer, net)
    >>> seen
    ['dense_0', 'residual_0.body', 'residual_0.shortcut']
    """

    def within(path: tuple[str, ...], layer: Layer) -> Layer:
        if layer._rebuild is None:
            return f(".".join(path), layer)
        others = [within((*path, name), child) for name, child in layer._children]
        same = all(other is child for other, (_, child) in zip(others, layer._children, strict=True))
        return around(".".join(path), layer if same else layer._rebuild(others))

    return within((), net)


def at(params: Params, path: str) -> Params:
    """The params of the layer that `replace` calls `path`.

    >>> from fnnet import layers, rng
    >>> net = layers.serial(layers.residual(layers.dense(1)))
    >>> at(net.init(rng.key(0), (1,)), "residual_0.body").bias
    array([0.], dtype=float32)
    """
    return reduce(getattr, path.split("."), params) if path else params
