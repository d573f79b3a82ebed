"""U-Net: down to few pixels and up again, each level joined with what stood there on the way down."""

from fnnet import layers
from fnnet.types import Layer
from fnnet.zoo._parts import normed


def unet(classes: int, *, depth: int = 4, channels: int = 64) -> Layer:
    """A logit for every pixel and class: images (C, H, W) to (classes, H, W), H and W multiples of 2^depth.

        level(d) = convolutions, (identity, pool, level(d − 1), transposed convolution) joined, convolutions

    Args:
        classes: how many logits for each pixel.
        depth: how often the size is halved.
        channels: of the first level; each level below has twice as many.

    Source: Ronneberger, Fischer, Brox 2015, "U-Net: convolutional networks for biomedical image segmentation",
    figure 1; with padding, so that nothing has to be cropped, and batch norm.

    >>> unet(2, depth=2, channels=4).shape((1, 16, 16))
    (2, 16, 16)
    """

    def convolutions(n: int) -> list[Layer]:
        return [*normed(n, 3), layers.relu(), *normed(n, 3), layers.relu()]

    inside = layers.serial(*convolutions(channels * 2**depth))
    for level in reversed(range(depth)):
        n = channels * 2**level
        below = layers.serial(layers.max_pool(2), inside, layers.conv_transpose2d(n, 2, stride=2))
        skip = layers.parallel(layers.identity(), below, combine="concatenate")
        inside = layers.serial(*convolutions(n), skip, *convolutions(n))
    return layers.serial(inside, layers.conv2d(classes, 1))
