"""SqueezeNet: fire modules, which squeeze channels before they expand them."""

from fnnet import layers
from fnnet.types import Layer
from fnnet.zoo._parts import scaled


def fire(squeeze: int, expand: int) -> Layer:
    """A 1×1 convolution to few channels, then 1×1 and 3×3 convolutions side by side, to `expand` channels each.

    Source: Iandola et al. 2016, "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters", section 3.2.

    >>> fire(4, 8).shape((6, 5, 5))
    (16, 5, 5)
    """
    wide = layers.parallel(
        layers.serial(layers.conv2d(expand, 1), layers.relu()),
        layers.serial(layers.conv2d(expand, 3, padding=1), layers.relu()),
        combine="concatenate",
    )
    return layers.serial(layers.conv2d(squeeze, 1), layers.relu(), wide)


def squeezenet(classes: int = 1000, *, width: float = 1.0) -> Layer:
    """SqueezeNet 1.0, for images (3, H, W) from 63 pixels a side: 1,248,424 parameters at 1,000 classes.

    Args:
        classes: how many logits.
        width: times so many channels.

    Source: Iandola et al. 2016, table 1 (its 96 kernels of 7×7 come first, with stride 2).

    >>> squeezenet(10, width=0.25).shape((3, 96, 96))
    (10,)
    """

    def fires(*sizes: int) -> list[Layer]:
        return [fire(scaled(size, width), scaled(4 * size, width)) for size in sizes]

    return layers.serial(
        layers.conv2d(scaled(96, width), 7, stride=2),
        layers.relu(),
        layers.max_pool(3, 2),
        *fires(16, 16, 32),
        layers.max_pool(3, 2),
        *fires(32, 48, 48, 64),
        layers.max_pool(3, 2),
        *fires(64),
        layers.dropout(0.5),
        layers.conv2d(classes, 1),
        layers.relu(),
        layers.global_avg_pool(),
    )
