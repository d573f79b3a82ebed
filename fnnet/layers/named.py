"""`named`: a layer under another name."""

from fnnet.layers._children import seen_through
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
    return Layer(
        name, net._init, net._apply, net._shape, net._train, *seen_through(net, lambda inner: named(name, inner))
    )
