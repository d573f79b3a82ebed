"""AlexNet, in two groups as it stood on two devices."""

from fnnet import layers
from fnnet.types import Layer
from fnnet.zoo._parts import scaled


def alexnet(classes: int = 1000, *, width: float = 1.0) -> Layer:
    """The net of 2012, for images (3, 227, 227): 60,965,224 parameters at 1,000 classes.

    Args:
        classes: how many logits.
        width: times so many channels and units.

    Source: Krizhevsky, Sutskever, Hinton 2012, "ImageNet classification with deep convolutional neural networks",
    section 3; local response normalisation with n = 5, k = 2, α = 10⁻⁴ (there a factor of the sum itself, here of the
    mean over the n channels, so 5·10⁻⁴), β = 0.75. The paper says 224 pixels a side, which do not divide: 227 do.

    >>> alexnet(10, width=0.25).shape((3, 227, 227))
    (10,)
    """

    def convolution(
        channels: int, kernel: int, *, stride: int = 1, padding: int = 0, groups: int = 1
    ) -> tuple[Layer, Layer]:
        own = layers.conv2d(2 * scaled(channels // 2, width), kernel, stride=stride, padding=padding, groups=groups)
        return own, layers.relu()

    norm = layers.local_response_norm(5, alpha=5e-4, beta=0.75, k=2.0)
    hidden = (layers.dense(scaled(4096, width)), layers.relu(), layers.dropout(0.5))
    return layers.serial(
        *convolution(96, 11, stride=4),
        norm,
        layers.max_pool(3, 2),
        *convolution(256, 5, padding=2, groups=2),
        norm,
        layers.max_pool(3, 2),
        *convolution(384, 3, padding=1),
        *convolution(384, 3, padding=1, groups=2),
        *convolution(256, 3, padding=1, groups=2),
        layers.max_pool(3, 2),
        layers.flatten(),
        *hidden * 2,
        layers.dense(classes),
    )
