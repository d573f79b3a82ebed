"""`one_way`: a net for predictions alone, which lets go at once of what the way back would need."""

from functools import lru_cache
from typing import Any, NoReturn

import attrs

from fnnet import walk
from fnnet.types import Arrays, Layer, Params


@lru_cache(maxsize=16)
def one_way(net: Layer) -> Layer:
    """The net with the pullback of every layer, and of every combination, dropped at once: its values to the byte.

    `net.apply` keeps all that is needed on the way back until it returns, the activations of every layer. Of this net
    there is no way back, so that a layer's input is let go once the next one has read it.

    >>> import numpy as np
    >>> from fnnet import layers, rng
    >>> net = layers.serial(layers.dense(3), layers.relu())
    >>> params, x = net.init(rng.key(0), (2,)), np.ones((1, 2), np.float32)
    >>> bool((one_way(net).apply(params, x)[0] == net.apply(params, x)[0]).all())
    True
    """
    return walk.replace(_forgetting, net, around=_forgetting)


def _forgetting(path: str, layer: Layer) -> Layer:
    def apply(params: Params, x: Arrays) -> tuple[Any, Any]:
        return layer._apply(params, x)[0], _no_way_back

    return attrs.evolve(layer, apply=apply)


def _no_way_back(dy: Any, input_gradient: bool = True) -> NoReturn:
    raise NotImplementedError("a net for predictions alone has no way back")
