"""VGG: nothing but 3×3 convolutions, pooling and three dense layers."""

from fnnet import layers
from fnnet.types import Layer
from fnnet.zoo._parts import depth_of, scaled

CONVOLUTIONS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
CHANNELS = (64, 128, 256, 512, 512)


def vgg(depth: int, classes: int = 1000, *, width: float = 1.0) -> Layer:
    """The nets VGG-11, 13, 16 and 19 (configurations A, B, D, E), for images (3, 32k, 32k).

    At 1,000 classes and images (3, 224, 224) they have 132,863,336, 133,047,848, 138,357,544 and 143,667,240
    parameters.

    Args:
        depth: 11, 13, 16 or 19 layers with weights.
        classes: how many logits.
        width: times so many channels and units.

    Raises:
        ConfigError: another depth.

    Source: Simonyan and Zisserman 2015, "Very deep convolutional networks for large-scale image recognition",
    table 1. Dropout of one half stands behind the first two dense layers.

    >>> vgg(11, 10).shape((3, 64, 64))
    (10,)
    """
    stages = [
        layer
        for channels, count in zip(CHANNELS, depth_of(depth, CONVOLUTIONS, "vgg"), strict=True)
        for layer in (
            *(layers.conv2d(scaled(channels, width), 3, padding=1), layers.relu()) * count,
            layers.max_pool(2),
        )
    ]
    hidden = (layers.dense(scaled(4096, width)), layers.relu(), layers.dropout(0.5))
    return layers.serial(*stages, layers.flatten(), *hidden * 2, layers.dense(classes))
