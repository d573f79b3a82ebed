"""Nets that several studies train."""

from collections.abc import Callable, Sequence

from fnnet import initializers, layers
from fnnet.initializers import Initializer
from fnnet.types import Layer

ACTIVATIONS: dict[str, Callable[[], Layer]] = {
    "relu": layers.relu,
    "leaky 0.001": lambda: layers.leaky_relu(0.001),
    "leaky 0.01": lambda: layers.leaky_relu(0.01),
    "sigmoid": layers.sigmoid,
    "tanh": layers.tanh,
}


def mlp(
    hidden: Sequence[int],
    outputs: int,
    activation: str,
    init: Initializer = initializers.xavier_normal(),
    dropout: Callable[[], Layer] | None = None,
    every_bias: bool = True,
) -> Layer:
    """Dense layers with an activation after each but the last; images are flattened first.

    Args:
        hidden: units of the hidden layers.
        outputs: units of the last one.
        activation: a name in `ACTIVATIONS`.
        init: of the weights.
        dropout: makes what stands between a hidden layer and its activation.
        every_bias: whether all layers have a bias; else the first alone.
    """
    between = [] if dropout is None else [dropout]
    body = [
        part
        for i, units in enumerate(hidden)
        for part in (
            layers.dense(units, bias=every_bias or i == 0, init=init),
            *(make() for make in between),
            ACTIVATIONS[activation](),
        )
    ]
    return layers.serial(layers.flatten(), *body, layers.dense(outputs, bias=every_bias or not hidden, init=init))


def lenet5(activation: str, pool: Callable[[int], Layer], init: Initializer, padding: int = 0) -> Layer:
    """LeNet-5: conv 6@5×5, pool, conv 16@5×5, pool, 120, 84, 10. R2 pads the first convolution, R5 does not."""
    act = ACTIVATIONS[activation]
    return layers.serial(
        layers.conv2d(6, 5, padding=padding, init=init),
        act(),
        pool(2),
        layers.conv2d(16, 5, init=init),
        act(),
        pool(2),
        layers.flatten(),
        layers.dense(120, init=init),
        act(),
        layers.dense(84, init=init),
        act(),
        layers.dense(10, init=init),
    )
