"""DenseNet: every layer reads all that come before it in its block."""

from fnnet import layers
from fnnet.types import Layer
from fnnet.zoo._parts import scaled

LAYERS = (6, 12, 24, 16)


def dense_block(count: int, growth: int) -> Layer:
    """So many layers, each of which adds `growth` channels to all it has read.

        xₗ₊₁ = (xₗ, f(xₗ)),    f = batch norm, ReLU, 1×1 convolution to 4·growth channels, the same with 3×3 to growth

    Source: Huang et al. 2017, "Densely connected convolutional networks", eq. 2 and section 3 (DenseNet-B).

    >>> dense_block(3, 4).shape((8, 5, 5))
    (20, 5, 5)
    """
    grow = layers.serial(
        layers.batch_norm(),
        layers.relu(),
        layers.conv2d(4 * growth, 1, bias=False),
        layers.batch_norm(),
        layers.relu(),
        layers.conv2d(growth, 3, padding=1, bias=False),
    )
    return layers.serial(*[layers.parallel(layers.identity(), grow, combine="concatenate")] * count)


def densenet121(classes: int = 1000, *, width: float = 1.0) -> Layer:
    """The net DenseNet-121, growth 32, for images (3, H, W) from 32 pixels a side: 7,978,856 parameters.

    Args:
        classes: how many logits; the count is that of 1,000.
        width: times so many channels.

    Source: Huang et al. 2017, table 1 (DenseNet-BC: every transition halves the channels).

    >>> densenet121(10, width=0.125).shape((3, 64, 64))
    (10,)
    """
    growth = scaled(32, width)
    channels = 2 * growth
    parts = [
        layers.conv2d(channels, 7, stride=2, padding=3, bias=False),
        layers.batch_norm(),
        layers.relu(),
        layers.max_pool(3, 2, padding=1),
    ]
    for i, count in enumerate(LAYERS):
        parts.append(dense_block(count, growth))
        channels += count * growth
        parts += [layers.batch_norm(), layers.relu()]
        if i < len(LAYERS) - 1:
            channels //= 2
            parts += [layers.conv2d(channels, 1, bias=False), layers.avg_pool(2)]
    return layers.serial(*parts, layers.global_avg_pool(), layers.dense(classes))
