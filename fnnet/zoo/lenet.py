"""LeNet-5: as it was in 1998, and as it is mostly built."""

from fnnet import layers
from fnnet.initializers import Initializer, he_normal
from fnnet.types import Layer

# The maps of S2 that each map of C3 reads.
C3 = (
    *((i, (i + 1) % 6, (i + 2) % 6) for i in range(6)),
    *((i, (i + 1) % 6, (i + 2) % 6, (i + 3) % 6) for i in range(6)),
    *((i, (i + 1) % 6, (i + 3) % 6, (i + 4) % 6) for i in range(3)),
    tuple(range(6)),
)


def lenet5(classes: int = 10, *, init: Initializer = he_normal()) -> Layer:
    """LeNet-5 with ReLU and max pooling, for pictures (1, 28, 28): 44,426 parameters at ten classes.

    Args:
        classes: how many logits.
        init: initializer of all weights.

    >>> lenet5().shape((1, 28, 28))
    (10,)
    """
    return layers.serial(
        layers.conv2d(6, 5, init=init),
        layers.relu(),
        layers.max_pool(2),
        layers.conv2d(16, 5, init=init),
        layers.relu(),
        layers.max_pool(2),
        layers.flatten(),
        layers.dense(120, init=init),
        layers.relu(),
        layers.dense(84, init=init),
        layers.relu(),
        layers.dense(classes, init=init),
    )


def lenet5_1998(classes: int = 10) -> Layer:
    """LeNet-5 with trainable pooling and the sparse third layer, for pictures (1, 32, 32): 60,850 parameters.

    These are the 60,000 of the paper and, in the place of its fixed codes for each class, a dense layer of 850. The
    squashing function is tanh(x), there 1.7159 tanh(2 x / 3).

    Args:
        classes: how many logits; the count is that of ten.

    Source: LeCun, Bottou, Bengio, Haffner 1998, "Gradient-based learning applied to document recognition", section
    II.B and table I.

    >>> lenet5_1998().shape((1, 32, 32))
    (10,)
    """
    maps = [layers.serial(layers.take(read), layers.conv2d(1, 5)) for read in C3]
    return layers.serial(
        layers.conv2d(6, 5),
        layers.tanh(),
        layers.scale_pool(2),
        layers.tanh(),
        layers.parallel(*maps, combine="concatenate"),
        layers.tanh(),
        layers.scale_pool(2),
        layers.tanh(),
        layers.conv2d(120, 5),
        layers.tanh(),
        layers.flatten(),
        layers.dense(84),
        layers.tanh(),
        layers.dense(classes),
    )
