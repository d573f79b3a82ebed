"""MobileNets: convolutions of one channel each, and 1×1 convolutions between."""

from fnnet import layers
from fnnet.types import Layer
from fnnet.zoo._parts import normed, scaled

# v1: (channels, stride) of each block; v2: (expansion, channels, blocks, stride of the first)
BLOCKS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1),
)  # fmt: skip
INVERTED = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip


def mobilenet_v1(classes: int = 1000, *, width: float = 1.0) -> Layer:
    """MobileNet, for images (3, H, W) from 32 pixels a side: 4,231,976 parameters at 1,000 classes.

    Args:
        classes: how many logits.
        width: times so many channels, the paper's α.

    Source: Howard et al. 2017, "MobileNets: efficient convolutional neural networks for mobile vision applications",
    table 1.

    >>> mobilenet_v1(10, width=0.25).shape((3, 64, 64))
    (10,)
    """
    here = scaled(32, width)
    parts = [*normed(here, 3, stride=2), layers.relu()]
    for channels, stride in BLOCKS:
        parts += [*normed(here, 3, stride=stride, groups=here), layers.relu()]
        here = scaled(channels, width)
        parts += [*normed(here, 1), layers.relu()]
    return layers.serial(*parts, layers.global_avg_pool(), layers.dense(classes))


def inverted_residual(channels: int, out: int, *, expansion: int = 6, stride: int = 1) -> Layer:
    """A 1×1 convolution to many channels, a 3×3 one of each, a 1×1 one back; with a way around where shapes agree.

    Args:
        channels: of what is read.
        out: of what is made.
        expansion: channels inside are so many times those that are read; 1 leaves the first convolution out.
        stride: of the 3×3 convolution.

    Source: Sandler et al. 2018, "MobileNetV2: inverted residuals and linear bottlenecks", table 1 and figure 4.

    >>> inverted_residual(4, 6, stride=2).shape((4, 8, 8))
    (6, 4, 4)
    """
    inner = channels * expansion
    parts = [] if expansion == 1 else [*normed(inner, 1), layers.relu6()]
    parts += [*normed(inner, 3, stride=stride, groups=inner), layers.relu6(), *normed(out, 1)]
    body = layers.serial(*parts)
    return layers.residual(body) if stride == 1 and channels == out else body


def mobilenet_v2(classes: int = 1000, *, width: float = 1.0) -> Layer:
    """MobileNet v2, for images (3, H, W) from 32 pixels a side: 3,504,872 parameters at 1,000 classes.

    Args:
        classes: how many logits.
        width: times so many channels; the last convolution gets no narrower than 1,280.

    Source: Sandler et al. 2018, table 2. Channels are rounded to whole numbers, not to multiples of eight.

    >>> mobilenet_v2(10, width=0.25).shape((3, 64, 64))
    (10,)
    """
    here = scaled(32, width)
    parts = [*normed(here, 3, stride=2), layers.relu6()]
    for expansion, channels, blocks, stride in INVERTED:
        for i in range(blocks):
            out = scaled(channels, width)
            parts.append(inverted_residual(here, out, expansion=expansion, stride=stride if i == 0 else 1))
            here = out
    last = max(1280, scaled(1280, width))
    return layers.serial(
        *parts, *normed(last, 1), layers.relu6(), layers.global_avg_pool(), layers.dropout(0.2), layers.dense(classes)
    )
