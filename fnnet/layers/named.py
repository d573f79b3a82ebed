"""`named`: a layer under another name."""

import attrs

from fnnet.recipe import factory
from fnnet.types import Layer, check_net


@factory
def named(name: str, net: Layer) -> Layer:
    """The same layer, called otherwise: in messages, and as the kind that names its field in a combinator.

    Args:
        name: an identifier.
        net: any layer.

    >>> from fnnet import layers
    >>> net = layers.serial(named("encoder", layers.serial(layers.dense(4), layers.tanh())), layers.dense(2))
    >>> [name for name, child in net]
    ['encoder_0', 'dense_0']
    """
    check_net(net, fix="the order is (name, net)")
    rebuild, part = net._rebuild, net._part
    return attrs.evolve(
        net,
        name=name,
        rebuild=None if rebuild is None else lambda others: named(name, rebuild(others)),
        part=None if part is None else lambda where: named(name, part(where)),
    )
