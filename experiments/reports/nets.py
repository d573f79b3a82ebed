"""Nets that several studies train."""

from collections.abc import Callable, Sequence

import attrs

from fnnet import initializers, layers, rng
from fnnet.initializers import Initializer
from fnnet.types import Layer, Params, Shape

ACTIVATIONS: dict[str, Callable[[], Layer]] = {
    "relu": layers.relu,
    "leaky 0.001": lambda: layers.leaky_relu(0.001),
    "leaky 0.01": lambda: layers.leaky_relu(0.01),
    "sigmoid": layers.sigmoid,
    "tanh": layers.tanh,
    "none": layers.identity,
}


def as_it_is(layer: Layer) -> Layer:
    """The same layer."""
    return layer


def random_bias(learned: Layer, init: Initializer) -> Layer:
    """A layer whose bias is drawn at the beginning too."""

    def begin(key: rng.Key, shape: Shape) -> Params:
        params = learned.init(key, shape)
        return params._replace(bias=init(rng.fold_in(key, "bias"), params.bias.shape))

    return attrs.evolve(learned, init=begin)


def mlp(
    hidden: Sequence[int],
    outputs: int,
    activation: str,
    init: Initializer = initializers.xavier_normal(),
    dropout: Callable[[], Layer] | None = None,
    every_bias: bool = True,
    wrap: Callable[[Layer], Layer] = as_it_is,
) -> Layer:
    """Dense layers with an activation after each but the last; images are flattened first.

    Args:
        hidden: units of the hidden layers.
        outputs: units of the last one.
        activation: a name in `ACTIVATIONS`.
        init: of the weights.
        dropout: makes what stands between a hidden layer and its activation.
        every_bias: whether all layers have a bias; else the first alone.
        wrap: what becomes of every dense layer.
    """
    between = [] if dropout is None else [dropout]
    body = [
        part
        for i, units in enumerate(hidden)
        for part in (
            wrap(layers.dense(units, bias=every_bias or i == 0, init=init)),
            *(make() for make in between),
            ACTIVATIONS[activation](),
        )
    ]
    last = wrap(layers.dense(outputs, bias=every_bias or not hidden, init=init))
    return layers.serial(layers.flatten(), *body, last)


def lenet5(
    activation: str,
    pool: Callable[[int], Layer],
    init: Initializer,
    padding: int = 0,
    wrap: Callable[[Layer], Layer] = as_it_is,
) -> Layer:
    """LeNet-5: conv 6@5×5, pool, conv 16@5×5, pool, 120, 84, 10. R2 pads the first convolution, R5 does not.

    Args:
        activation: a name in `ACTIVATIONS`.
        pool: from a size to a layer.
        init: of the weights.
        padding: of the first convolution.
        wrap: what becomes of every layer with weights.
    """
    act = ACTIVATIONS[activation]
    return layers.serial(
        wrap(layers.conv2d(6, 5, padding=padding, init=init)),
        act(),
        pool(2),
        wrap(layers.conv2d(16, 5, init=init)),
        act(),
        pool(2),
        layers.flatten(),
        wrap(layers.dense(120, init=init)),
        act(),
        wrap(layers.dense(84, init=init)),
        act(),
        wrap(layers.dense(10, init=init)),
    )
