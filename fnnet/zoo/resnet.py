"""Residual nets, of both kinds of blocks."""

from fnnet import layers
from fnnet.types import Layer
from fnnet.zoo._parts import depth_of, normed, scaled

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}


def basic_block(channels: int, *, stride: int = 1, project: bool = False) -> Layer:
    """Two 3×3 convolutions with batch norm, and a way around them.

    Args:
        channels: of the output.
        stride: of the first convolution.
        project: whether the way around is a 1×1 convolution with batch norm, as where shapes differ.

    Source: He et al. 2016, "Deep residual learning for image recognition", figure 5, left.

    >>> basic_block(8, stride=2, project=True).shape((4, 6, 6))
    (8, 3, 3)
    """
    body = layers.serial(*normed(channels, 3, stride=stride), layers.relu(), *normed(channels, 3))
    return layers.serial(_around(body, channels, stride, project), layers.relu())


def bottleneck_block(channels: int, *, stride: int = 1, project: bool = False) -> Layer:
    """A 1×1, a 3×3 and a 1×1 convolution with batch norm, the inner ones a quarter as wide, and a way around them.

    Args:
        channels: of the output.
        stride: of the 3×3 convolution, where PyTorch has it too; in the paper it is that of the first.
        project: as of `basic_block`.

    Source: He et al. 2016, figure 5, right.

    >>> bottleneck_block(8, project=True).shape((4, 6, 6))
    (8, 6, 6)
    """
    inner = max(1, channels // 4)
    body = layers.serial(
        *normed(inner, 1),
        layers.relu(),
        *normed(inner, 3, stride=stride),
        layers.relu(),
        *normed(channels, 1),
    )
    return layers.serial(_around(body, channels, stride, project), layers.relu())


def _around(body: Layer, channels: int, stride: int, project: bool) -> Layer:
    way = layers.serial(*normed(channels, 1, stride=stride)) if project else layers.identity()
    return layers.residual(body, way)


def resnet(depth: int, classes: int = 1000, *, width: float = 1.0) -> Layer:
    """The nets ResNet-18 and 34 (basic blocks) and 50 (bottlenecks), for images (3, H, W) from 32 pixels a side.

    At 1,000 classes they have 11,689,512, 21,797,672 and 25,557,032 parameters.

    Args:
        depth: 18, 34 or 50 layers with weights.
        classes: how many logits.
        width: times so many channels.

    Raises:
        ConfigError: another depth.

    Source: He et al. 2016, table 1.

    >>> resnet(18, 10, width=0.125).shape((3, 64, 64))
    (10,)
    """
    block, expansion = (bottleneck_block, 4) if depth == 50 else (basic_block, 1)
    blocks, channels = [], scaled(64, width)
    for stage, count in enumerate(depth_of(depth, BLOCKS, "resnet")):
        stride = 1 if stage == 0 else 2
        out = channels * 2**stage * expansion
        blocks.append(block(out, stride=stride, project=stride > 1 or expansion > 1))
        blocks += [block(out)] * (count - 1)
    return layers.serial(
        *normed(channels, 7, stride=2),
        layers.relu(),
        layers.max_pool(3, 2, padding=1),
        *blocks,
        layers.global_avg_pool(),
        layers.dense(classes),
    )
